// Runs dashboards through Grafana's own code, with what a real Prometheus answered to their queries: transformations,
// units, overrides, thresholds and texts. Reads {panels: [{board, panel, answers}]} from stdin and writes a list of
// findings to stdout, each a line. A panel's answers are those of Prometheus's API, one list of series for each query.
"use strict";

globalThis.navigator ??= { userAgent: "node", languages: ["en"] }; // before the require
const data = require("@grafana/data");
globalThis.window ??= globalThis; // after it
const { PROPERTIES, THEME, applied, displayed, frames, transformed, unknown } = require("./frames.cjs");

const UNITS = new Set(data.getValueFormats().flatMap((category) => category.submenu.map((unit) => unit.value)));
const LONGEST_NAME = 100; // characters; what is longer pushes the numbers of a legend off the panel
const MOST_SERIES = 40;

function checkUnits(panel, findings) {
  const units = [panel.fieldConfig.defaults.unit];
  for (const { properties } of panel.fieldConfig.overrides) {
    for (const { id, value } of properties) {
      if (id === "unit") units.push(value);
      if (!(id in PROPERTIES)) findings.push(`unknown property ${id}`);
    }
  }
  for (const unit of units.filter((unit) => unit && !UNITS.has(unit))) findings.push(`unknown unit ${unit}`);
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
  const values = panel.options.reduceOptions
    ? displayed(panel, shown).map((value) => value.display)
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
  const empty = data.toDataFrame({ fields: [{ name: "Value", type: "number", values: [null], config: {} }] });
  const [nothing] = displayed(panel, applied(panel, [empty]));
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
  const strange = unknown(panel);
  for (const id of strange) findings.push(`unknown transformation ${id}`);
  const given = frames(panel, answers);
  const shown = applied(panel, strange.length ? given : await transformed(panel, given));
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
