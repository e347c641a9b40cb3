// The day's sheet on a phone that loses its connection: what was written stays in the page and is sent again, with the same
// request_id and the time when the button was pressed, until it has got through. Nothing is kept anywhere else in the browser.
// Without this script forms are sent as forms are.
"use strict";
(() => {
  const ANSWER_MS = 20000, AGAIN_MS = 5000, AGAIN_MAX_MS = 60000;
  let waiting = null, timer = 0, pause = AGAIN_MS, opened = Date.now();

  const say = (what) => {
    const place = document.getElementById("anslutning");
    if (!place) return;
    place.classList.toggle("ds-alert", Boolean(what));
    if (place.textContent !== (place.dataset[what] ?? "")) place.textContent = place.dataset[what] ?? "";
  };
  // By the server's clock, as the page came: the phone's own may be wrong.
  const now = () => new Date(Date.parse(document.getElementById("anslutning").dataset.now) + Date.now() - opened).toISOString();
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(again, pause);
    pause = Math.min(pause * 2, AGAIN_MAX_MS);
  };
  const again = () => waiting && !waiting.sending && send(waiting.form, waiting.button);

  const show = async (answer) => {
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    waiting = null;
    if (answer.redirected) history.pushState(null, "", answer.url);
    document.title = page.title;
    document.body.replaceWith(page.body);
    opened = Date.now();
    scrollTo(0, 0);
    (document.querySelector(".ds-error-summary") ?? document.querySelector("main"))?.focus();
  };

  const send = async (form, button) => {
    clearTimeout(timer);
    waiting = { form, button, sending: true, pressed: waiting?.pressed ?? (form.elements.pressed?.value || now()) };
    try {
      const body = new URLSearchParams(new FormData(form, button));
      body.set("pressed", waiting.pressed);
      const answer = await fetch(form.action, { method: "POST", body, signal: AbortSignal.timeout(ANSWER_MS) });
      if (answer.status >= 500) throw new Error("not now");
      await show(answer);
      pause = AGAIN_MS;
    } catch {
      waiting.sending = false;
      say("unsent");
      later();
    }
  };

  addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || !form.closest("main") || !document.getElementById("anslutning")) return; // an answer can be another page
    event.preventDefault();
    if (waiting && waiting.form !== form) return say("unsent"); // one at a time: what waits would be lost with its page
    if (!waiting?.sending) send(form, event.submitter);
  });
  addEventListener("click", (event) => {
    if (navigator.onLine || !event.target.closest("a[href]") || event.target.closest('a[href^="#"]')) return;
    event.preventDefault(); // a page that cannot be fetched would take this one's place
    say(waiting ? "unsent" : "offline");
  });
  addEventListener("beforeunload", (event) => { if (waiting) event.preventDefault(); });
  addEventListener("popstate", () => location.reload());
  addEventListener("offline", () => say(waiting ? "unsent" : "offline"));
  addEventListener("online", () => (waiting ? again() : say("")));
  if (!navigator.onLine) say("offline");
})();
