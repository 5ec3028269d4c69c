// Draws dashboards into PNG files with Grafana's components in Chromium.
// Its argument is the path of Chromium; it reads [{path, board, answers, from, to}] from stdin: see page.jsx.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const esbuild = require("esbuild");
const puppeteer = require("puppeteer-core");
const sharp = require("sharp");

const WIDTH = 1440;
const ORIGIN = "http://pictures.invalid/"; // nothing is fetched from anywhere: every request is answered here
const MODULES = path.resolve(process.env.NODE_PATH);
// What the components fetch, by the beginning of its path, as a Grafana server has it.
const SERVED = {
  "public/build/img/icons/": path.join(MODULES, "@grafana/ui/dist/public/img/icons"),
  "public/fonts/inter/": path.join(MODULES, "inter-ui/web"),
};
const TYPES = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

async function built() {
  const { outputFiles } = await esbuild.build({
    entryPoints: [path.join(__dirname, "page.jsx")],
    bundle: true,
    write: false,
    outdir: "/",
    jsx: "automatic",
    nodePaths: [MODULES],
    conditions: ["import"], // for `require` as well: two copies of @grafana/data would not share their registries
    define: { "process.env.NODE_ENV": '"production"', global: "window" },
    loader: { ".svg": "dataurl", ".ttf": "empty" },
    logLevel: "error",
  });
  const files = outputFiles.map((file) => [path.basename(file.path), Buffer.from(file.contents)]);
  return new Map([...files, ["page.html", fs.readFileSync(path.join(__dirname, "page.html"))]]);
}

// What is at an address of the page, if anything.
function served(address, pages) {
  const name = address.replace(ORIGIN, "");
  const beginning = Object.keys(SERVED).find((beginning) => name.startsWith(beginning));
  if (!beginning) return pages.get(name);
  const file = path.join(SERVED[beginning], name.slice(beginning.length));
  return fs.existsSync(file) ? fs.readFileSync(file) : undefined;
}

async function opened(browser, pages) {
  const page = await browser.newPage();
  page.on("pageerror", (error) => {
    throw error;
  });
  await page.setRequestInterception(true);
  page.on("request", (request) => {
    const body = served(request.url(), pages);
    if (body) request.respond({ body, contentType: TYPES[path.extname(request.url())] });
    else request.respond({ status: 404 });
  });
  await page.goto(`${ORIGIN}page.html`);
  return page;
}

async function main() {
  const pictures = JSON.parse(fs.readFileSync(0, "utf8"));
  const pages = await built();
  const browser = await puppeteer.launch({
    executablePath: process.argv[2],
    args: ["--no-sandbox", "--hide-scrollbars"],
    defaultViewport: { width: WIDTH, height: 1000 },
  });
  for (const { path: file, ...picture } of pictures) {
    const page = await opened(browser, pages);
    await page.evaluate((picture) => window.draw(picture), picture);
    const height = await page.evaluate(() => document.documentElement.scrollHeight);
    await page.setViewport({ width: WIDTH, height }); // tables draw only the rows that are to be seen
    await page.waitForNetworkIdle({ idleTime: 1000 });
    const shot = await page.screenshot();
    await sharp(shot).png({ palette: true, colours: 128, effort: 10 }).toFile(file);
    await page.close();
  }
  await browser.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
