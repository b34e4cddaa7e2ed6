// Bundles every script that stands directly in ecard/portal/js (app.js, sw.js, ...) into
// build/static/portal, one file each. What they share stands in folders below.
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import * as esbuild from "esbuild";

const SOURCE = "ecard/portal/js";
const TARGET = "build/static/portal";

async function entryPoints() {
  try {
    const entries = await readdir(SOURCE, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile() && entry.name.endsWith(".js") && !entry.name.endsWith(".test.js"))
      .map((entry) => join(SOURCE, entry.name));
  } catch (error) {
    if (error.code === "ENOENT") return [];
    throw error;
  }
}

const options = {
  entryPoints: await entryPoints(),
  outdir: TARGET,
  bundle: true,
  format: "iife",
  target: ["chrome90", "firefox90", "safari15"],
  minify: true,
  sourcemap: "linked",
  charset: "utf8",
  legalComments: "linked",
  logLevel: process.argv.includes("--watch") ? "info" : "warning",
};

await rm(TARGET, { recursive: true, force: true });
await mkdir(TARGET, { recursive: true });
if (process.argv.includes("--watch")) {
  const context = await esbuild.context(options);
  await context.watch();
} else {
  await esbuild.build(options);
}
