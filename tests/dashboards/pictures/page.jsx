// A dashboard drawn with the components that Grafana itself draws with: window.draw is called by draw.cjs.
import {
  cacheFieldDisplayNames,
  dateTime,
  getDisplayValueAlignmentFactors,
  renderTextPanelMarkdown,
} from "@grafana/data";
import { initPluginTranslations } from "@grafana/i18n";
import {
  BarGauge,
  BigValue,
  GlobalStyles,
  Icon,
  PanelChrome,
  Text,
  ThemeContext,
  TimeSeries,
  VizRepeater,
} from "@grafana/ui";
import { TableNG } from "@grafana/ui/unstable";
import { createRoot } from "react-dom/client";
import { THEME, applied, displayed, frames, transformed } from "../grafana/frames.cjs";

const COLUMNS = 24;
const UNIT = 30; // pixels: a unit of height, the gap between panels and that between bars, as in Grafana
const GAP = 8;
const BAR_SPACING = 10;
const MARGIN = 16;
const HEADER = 48;
const CAPTION = "Drawn by Grafana's UI components from a Prometheus that scraped the demo; not a full Grafana.";

// Grafana's panels themselves are no part of its packages: these give its components the same options.

function Stat({ panel, shown, range, width, height }) {
  const { colorMode, graphMode, justifyMode, orientation, textMode, text } = panel.options;
  return (
    <VizRepeater
      getValues={() => displayed(panel, shown, { sparkline: graphMode !== "none" })}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={({ value, alignmentFactors, width, height, count }) => (
        <BigValue
          value={value.display}
          sparkline={value.sparkline && { ...value.sparkline, timeRange: range }}
          {...{ colorMode, graphMode, justifyMode, textMode, text, alignmentFactors, width, height, count }}
          theme={THEME}
        />
      )}
      source={shown}
      itemSpacing={3}
      autoGrid
      {...{ orientation, width, height }}
    />
  );
}

function Bars({ panel, shown, width, height }) {
  const { maxVizHeight, minVizHeight, minVizWidth, orientation } = panel.options;
  return (
    <VizRepeater
      getValues={() => displayed(panel, shown)}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={(place) => <Bar panel={panel} room={height} {...place} />}
      source={shown}
      itemSpacing={BAR_SPACING}
      {...{ maxVizHeight, minVizHeight, minVizWidth, orientation, width, height }}
    />
  );
}

function Bar({ panel, room, value: { display, field, view, colIndex }, alignmentFactors, count, ...place }) {
  const { displayMode, namePlacement, showUnfilled, text, valueMode } = panel.options;
  const named = count > 1 || panel.fieldConfig.defaults.displayName;
  return (
    <BarGauge
      value={named ? display : { ...display, title: undefined }}
      field={field}
      display={view?.getFieldDisplayProcessor(colIndex)}
      alignmentFactors={count > 1 ? alignmentFactors : undefined}
      isOverflow={(place.height + BAR_SPACING) * count - BAR_SPACING > room}
      valueDisplayMode={valueMode}
      itemSpacing={BAR_SPACING}
      theme={THEME}
      {...{ displayMode, namePlacement, showUnfilled, text }}
      {...place}
    />
  );
}

function Lines({ panel, shown, range, width, height }) {
  if (shown.length === 0) return <Nothing panel={panel} />;
  return (
    <TimeSeries
      frames={shown}
      timeRange={range}
      timeZone="utc"
      legend={{ showLegend: true, ...panel.options.legend }}
      options={panel.options}
      {...{ width, height }}
    />
  );
}

function Table({ panel, shown: [frame], range, width, height }) {
  if (!frame?.length) return <Nothing panel={panel} />;
  const { cellHeight, sortBy, showHeader } = panel.options;
  return (
    <TableNG
      data={frame}
      timeRange={range}
      noHeader={!showHeader}
      fieldConfig={panel.fieldConfig}
      enableVirtualization={false}
      {...{ cellHeight, sortBy, width, height }}
    />
  );
}

function Words({ panel }) {
  const html = { __html: renderTextPanelMarkdown(panel.options.content) };
  return <div className="markdown-html" dangerouslySetInnerHTML={html} />;
}

function Nothing({ panel }) {
  return <div className="nothing">{panel.fieldConfig.defaults.noValue || "No data"}</div>;
}

const KINDS = { stat: Stat, bargauge: Bars, timeseries: Lines, table: Table, text: Words };

function Panel({ panel, shown, range, ...place }) {
  const Kind = KINDS[panel.type];
  return (
    <PanelChrome title={panel.title} description={panel.description} {...place}>
      {(width, height) => <Kind {...{ panel, shown, range, width, height }} />}
    </PanelChrome>
  );
}

function Row({ panel }) {
  return (
    <div className="row">
      <Icon name="angle-down" />
      <Text variant="h5">{panel.title}</Text>
    </div>
  );
}

function Dashboard({ board, shown, range }) {
  const column = (document.body.clientWidth - 2 * MARGIN + GAP) / COLUMNS;
  const bottom = Math.max(...board.panels.map(({ gridPos: { y, h } }) => y + h));
  return (
    <div style={{ position: "relative", height: HEADER + bottom * (UNIT + GAP) + GAP }}>
      <header>
        <Text variant="h3">{board.title}</Text>
        <Text variant="bodySmall" color="secondary">{CAPTION}</Text>
      </header>
      {board.panels.map((panel) => {
        const { x, y, w, h } = panel.gridPos;
        const corner = { left: MARGIN + x * column, top: HEADER + y * (UNIT + GAP) };
        const size = { width: w * column - GAP, height: h * (UNIT + GAP) - GAP };
        const Kind = panel.type === "row" ? Row : Panel;
        return (
          <div key={panel.id} style={{ position: "absolute", ...corner, ...size }}>
            <Kind {...{ panel, range, ...size }} shown={shown[panel.id]} />
          </div>
        );
      })}
    </div>
  );
}

// Draws a dashboard with the answers to each panel's queries, by the panel's id, between two times in seconds.
window.draw = async ({ board, answers, from, to }) => {
  await initPluginTranslations("grafana-ui");
  const shown = {};
  for (const panel of board.panels.filter(({ targets }) => targets)) {
    shown[panel.id] = applied(panel, await transformed(panel, frames(panel, answers[panel.id])));
    cacheFieldDisplayNames(shown[panel.id]);
  }
  const [start, end] = [dateTime(from * 1000), dateTime(to * 1000)];
  const range = { from: start, to: end, raw: { from: start, to: end } };
  createRoot(document.getElementById("root")).render(
    <ThemeContext.Provider value={THEME}>
      <GlobalStyles />
      <Dashboard {...{ board, shown, range }} />
    </ThemeContext.Provider>,
  );
};
