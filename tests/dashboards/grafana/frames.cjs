// From what Prometheus answered to a panel's queries to what the panel shows, by Grafana's own code.
"use strict";

const data = require("@grafana/data");
const { lastValueFrom } = require("rxjs");

const THEME = data.createTheme();
const PROPERTIES = {
  unit: data.unitOverrideProcessor,
  min: data.numberOverrideProcessor,
  max: data.numberOverrideProcessor,
  fieldMinMax: data.booleanOverrideProcessor,
  displayName: data.displayNameOverrideProcessor,
  noValue: data.stringOverrideProcessor,
  color: data.identityOverrideProcessor,
  thresholds: data.thresholdsOverrideProcessor,
  mappings: data.valueMappingsOverrideProcessor,
  links: data.dataLinksOverrideProcessor,
  "custom.width": data.identityOverrideProcessor, // the table panel's, as is the next
  "custom.cellOptions": data.identityOverrideProcessor,
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
  Object.entries(PROPERTIES).map(([id, process]) => ({
    id,
    path: id.replace("custom.", ""),
    isCustom: id.startsWith("custom."),
    name: id,
    process,
    settings: { expandTemplateVars: id === "displayName" },
    shouldApply: () => true,
  })),
);

const legend = (format, labels) => format.replace(/{{\s*(\w+)\s*}}/g, (_, label) => labels[label] ?? "");

// The frames that Grafana's Prometheus data source makes of answers, one list of series for each query.
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
      ...labels.map((label) => ({
        name: label,
        type: "string",
        values: answer.map((series) => series.metric[label] ?? ""),
      })),
      { name: value, type: "number", values: answer.map((series) => Number(series.value[1])) },
    ],
  });
}

// A panel's transformations that Grafana does not know.
function unknown(panel) {
  const names = (panel.transformations ?? []).map(({ id }) => id);
  return names.filter((id) => !data.standardTransformersRegistry.getIfExists(id));
}

async function transformed(panel, given) {
  const context = { interpolate: (text) => text };
  return lastValueFrom(data.transformDataFrame(panel.transformations ?? [], given, context));
}

// Grafana's templates are no part of its packages; this is what the dashboards' names use of them.
function interpolated(text, scopedVars) {
  const label = (_, name) => scopedVars.__dataContext.value.field.labels?.[name] ?? "";
  return text.replace(/\$\{__field\.labels\.(\w+)\}/g, label);
}

function applied(panel, given) {
  return data.applyFieldOverrides({
    data: given,
    fieldConfig: panel.fieldConfig,
    fieldConfigRegistry: data.standardFieldConfigEditorRegistry,
    replaceVariables: interpolated,
    theme: THEME,
  });
}

// The numbers of a stat or of bars.
function displayed(panel, shown, options = {}) {
  return data.getFieldDisplayValues({
    fieldConfig: panel.fieldConfig,
    reduceOptions: panel.options.reduceOptions,
    replaceVariables: (text) => text,
    theme: THEME,
    data: shown,
    ...options,
  });
}

module.exports = { PROPERTIES, THEME, applied, displayed, frames, transformed, unknown };
