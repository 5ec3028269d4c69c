// Runs dashboards through Grafana's own code, with what a real Prometheus answered to their queries: transformations,
// units, overrides, thresholds and texts. Reads {panels: [{board, panel, answers}]} from stdin and writes a list of
// findings to stdout, each a line. A panel's answers are those of Prometheus's API, one list of series for each query.
"use strict";

globalThis.navigator ??= { userAgent: "node", languages: ["en"] }; // before the require
const data = require("@grafana/data");
const { lastValueFrom } = require("rxjs");
globalThis.window ??= globalThis; // after it

const THEME = data.createTheme();
const UNITS = new Set(data.getValueFormats().flatMap((category) => category.submenu.map((unit) => unit.value)));
const LONGEST_NAME = 100; // characters; what is longer pushes the numbers of a legend off the panel
const MOST_SERIES = 40;
const CUSTOM = new Set(["custom.width", "custom.cellOptions"]); // of the table panel, which @grafana/data does not have
const process = {
  unit: data.unitOverrideProcessor,
  min: data.numberOverrideProcessor,
  max: data.numberOverrideProcessor,
  noValue: data.stringOverrideProcessor,
  color: data.identityOverrideProcessor,
  thresholds: data.thresholdsOverrideProcessor,
  mappings: data.valueMappingsOverrideProcessor,
  links: data.dataLinksOverrideProcessor,
};

data.standardTransformersRegistry.setInit(() =>
  [...new Set(Object.values(data.standardTransformers).map(({ id }) => id))] // some have an old name as well
    .map((id) => Object.values(data.standardTransformers).find((transformation) => transformation.id === id))
    .map((transformation) => ({
    id: transformation.id,
    name: transformation.name,
    transformation: () => Promise.resolve(transformation),
  })),
);
data.standardFieldConfigEditorRegistry.setInit(() =>
  Object.entries(process).map(([id, processor]) => ({ id, path: id, name: id, process: processor, shouldApply: () => true })),
);

const legend = (format, labels) => format.replace(/{{\s*(\w+)\s*}}/g, (_, label) => labels[label] ?? "");

// The frames that Grafana's Prometheus data source makes of answers.
function frames(panel, answers) {
  return panel.targets.flatMap((target, number) =>
    target.format === "table"
      ? [tableFrame(target, answers[number], panel.targets.length > 1)]
      : answers[number].map((series) => seriesFrame(target, series)),
  );
}

function seriesFrame(target, series) {
  const points = series.values ?? [series.value];
  const name = legend(target.legendFormat, series.metric);
  return data.toDataFrame({
    refId: target.refId,
    fields: [
      { name: "Time", type: "time", values: points.map(([time]) => time * 1000) },
      {
        name: "Value",
        type: "number",
        labels: series.metric,
        values: points.map(([, value]) => Number(value)),
        config: { displayNameFromDS: name },
      },
    ],
  });
}

function tableFrame(target, answer, several) {
  const labels = [...new Set(answer.flatMap((series) => Object.keys(series.metric)))].sort();
  const value = several ? `Value #${target.refId}` : "Value";
  return data.toDataFrame({
    refId: target.refId,
    fields: [
      { name: "Time", type: "time", values: answer.map((series) => series.value[0] * 1000) },
      ...labels.map((label) => ({ name: label, type: "string", values: answer.map((series) => series.metric[label] ?? "") })),
      { name: value, type: "number", values: answer.map((series) => Number(series.value[1])) },
    ],
  });
}

async function transformed(panel, given, findings) {
  const steps = panel.transformations ?? [];
  const unknown = steps.filter(({ id }) => !data.standardTransformersRegistry.getIfExists(id));
  for (const { id } of unknown) findings.push(`unknown transformation ${id}`);
  const context = { interpolate: (text) => text };
  return unknown.length ? given : lastValueFrom(data.transformDataFrame(steps, given, context));
}

function checkUnits(panel, findings) {
  const units = [panel.fieldConfig.defaults.unit];
  for (const { properties } of panel.fieldConfig.overrides) {
    for (const { id, value } of properties) {
      if (id === "unit") units.push(value);
      if (!(id in process) && !CUSTOM.has(id)) findings.push(`unknown property ${id}`);
    }
  }
  for (const unit of units.filter((unit) => unit && !UNITS.has(unit))) findings.push(`unknown unit ${unit}`);
}

function applied(panel, given) {
  return data.applyFieldOverrides({
    data: given,
    fieldConfig: panel.fieldConfig,
    fieldConfigRegistry: data.standardFieldConfigEditorRegistry,
    replaceVariables: (text) => text,
    theme: THEME,
  });
}

// In a table a column that is renamed or gone would lose its unit and its links without a word.
function checkOverrides(panel, shown, findings) {
  if (panel.type !== "table" || shown.every((frame) => frame.length === 0)) return;
  const names = new Set(shown.flatMap((frame) => frame.fields.map((field) => data.getFieldDisplayName(field, frame, shown))));
  for (const { matcher } of panel.fieldConfig.overrides) {
    if (!names.has(matcher.options)) findings.push(`nothing is called ${matcher.options}, only ${[...names].join(", ")}`);
  }
}

function checkNames(panel, shown, findings) {
  const fields = shown.flatMap((frame) => frame.fields.filter((field) => field.type === "number").map((field) => [field, frame]));
  const names = fields.map(([field, frame]) => data.getFieldDisplayName(field, frame, shown));
  for (const name of names.filter((name) => name.length > LONGEST_NAME)) findings.push(`a name of ${name.length} characters: ${name}`);
  if (panel.type === "table") return;
  if (new Set(names).size !== names.length) findings.push(`two series have one name: ${names.join(", ")}`);
  if (names.length > MOST_SERIES) findings.push(`${names.length} series`);
  const zeros = fields.filter(([field]) => field.values.every((value) => value === 0));
  if (zeros.length > 5) findings.push(`${zeros.length} series of zeros alone`);
}

function checkValues(panel, shown, findings) {
  const colors = panel.type === "stat" || panel.type === "bargauge" ? panel.options.reduceOptions : undefined;
  const values = colors
    ? data
        .getFieldDisplayValues({
          fieldConfig: panel.fieldConfig,
          reduceOptions: colors,
          replaceVariables: (text) => text,
          theme: THEME,
          data: shown,
        })
        .map((value) => value.display)
    : shown.flatMap((frame) =>
        frame.fields.filter((field) => field.type === "number").flatMap((field) => field.values.filter((value) => value !== null && value !== undefined).slice(-3).map((value) => field.display(value))),
      );
  for (const { text, color } of values) {
    if (!text || /NaN|undefined/.test(text)) findings.push(`shows ${JSON.stringify(text)}`);
    if (color !== undefined && !/^(#|rgb|hsl)/.test(color)) findings.push(`has the colour ${color}`);
  }
}

// Without a series a stat shows `noValue`, and not in a colour of alarm unless it is meant.
function checkNothing(panel, findings) {
  if (panel.type !== "stat") return;
  const [nothing] = data.getFieldDisplayValues({
    fieldConfig: panel.fieldConfig,
    reduceOptions: panel.options.reduceOptions,
    replaceVariables: (text) => text,
    theme: THEME,
    data: applied(panel, [data.toDataFrame({ fields: [{ name: "Value", type: "number", values: [null], config: {} }] })]),
  });
  const { text, color } = panel.fieldConfig.defaults.mappings[0].options.result;
  const expected = data.colorManipulator.asHexString(THEME.visualization.getColorByName(color));
  if (nothing.display.text !== text || data.colorManipulator.asHexString(nothing.display.color) !== expected) {
    findings.push(`without a series it shows ${nothing.display.text} in ${nothing.display.color}, not ${text} in ${expected}`);
  }
}

async function check({ panel, answers }) {
  const findings = [];
  checkUnits(panel, findings);
  checkNothing(panel, findings);
  const shown = applied(panel, await transformed(panel, frames(panel, answers), findings));
  checkOverrides(panel, shown, findings);
  checkNames(panel, shown, findings);
  checkValues(panel, shown, findings);
  return findings;
}

async function main() {
  const { panels } = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
  const lines = [];
  for (const entry of panels) {
    for (const finding of await check(entry)) lines.push(`${entry.board}: ${entry.panel.title}: ${finding}`);
  }
  console.log(JSON.stringify(lines));
}

main();
