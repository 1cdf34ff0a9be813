// Scores of pages of a hub: `node measure.mjs <base URL> <Cookie header> <path>…` prints one JSON line a page.
//
// Accessibility and best practices must be 95 or more; exit code 1 when one is not, with what was found.

import lighthouse from "lighthouse";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const LEAST = 95;
const CATEGORIES = ["accessibility", "best-practices"];

const [base, cookie, ...paths] = process.argv.slice(2);
const profile = mkdtempSync(join(tmpdir(), "rmmbridge-lighthouse-"));
const chromium = spawn(
  process.env.CHROMIUM ?? "chromium",
  ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--remote-debugging-port=0", `--user-data-dir=${profile}`, "about:blank"],
  { stdio: ["ignore", "ignore", "pipe"] },
);
const port = await new Promise((found, failed) => {
  let said = "";
  chromium.stderr.on("data", (chunk) => {
    said += chunk;
    const match = said.match(/DevTools listening on ws:\/\/[^:]+:(\d+)\//);
    if (match) found(Number(match[1]));
  });
  chromium.on("exit", () => failed(new Error(`chromium ended:\n${said}`)));
});

let bad = 0;
try {
  for (const path of paths) {
    const result = await lighthouse(base + path, {
      port,
      output: "json",
      logLevel: "error",
      onlyCategories: CATEGORIES,
      formFactor: "desktop",
      screenEmulation: { mobile: false, width: 1280, height: 800, deviceScaleFactor: 1, disabled: false },
      throttlingMethod: "provided",
      extraHeaders: cookie ? { Cookie: cookie } : {},
    });
    const { lhr } = result;
    const line = { path, at: lhr.finalDisplayedUrl };
    for (const name of CATEGORIES) {
      const category = lhr.categories[name];
      line[name] = Math.round(category.score * 100);
      if (line[name] < LEAST) bad += 1;
      const found = category.auditRefs
        .filter((ref) => ref.weight > 0 && lhr.audits[ref.id].score !== null && lhr.audits[ref.id].score < 1)
        .map((ref) => `${ref.id}: ${lhr.audits[ref.id].title}`);
      if (found.length > 0) line[`${name}-found`] = found;
    }
    console.log(JSON.stringify(line));
  }
} finally {
  const ended = new Promise((done) => chromium.on("exit", done));
  chromium.kill();
  await ended;
  rmSync(profile, { recursive: true, force: true });
}
process.exitCode = bad > 0 ? 1 : 0;
