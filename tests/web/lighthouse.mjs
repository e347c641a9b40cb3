// Reads [{url, cookie, profile}] on stdin and writes Lighthouse's scores (0-1) of each, with what drew from them.
import { readFileSync } from "node:fs";
import { launch } from "chrome-launcher";
import lighthouse, { desktopConfig } from "lighthouse";

const chrome = await launch({ chromeFlags: ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage"] });
const answers = [];
try {
  for (const { url, cookie, profile } of JSON.parse(readFileSync(0, "utf8"))) {
    const flags = { port: chrome.port, output: "json", logLevel: "error", onlyCategories: ["performance", "accessibility"] };
    if (cookie) flags.extraHeaders = { Cookie: cookie };
    const { lhr } = await lighthouse(url, flags, profile === "desktop" ? desktopConfig : undefined);
    const weak = Object.values(lhr.audits).filter((audit) => audit.score !== null && audit.score < 0.9).map((audit) => audit.id);
    answers.push({ url: lhr.finalDisplayedUrl, performance: lhr.categories.performance.score, accessibility: lhr.categories.accessibility.score, weak });
  }
} finally {
  chrome.kill();
}
process.stdout.write(JSON.stringify(answers));
