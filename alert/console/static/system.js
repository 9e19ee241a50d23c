// Looks again every ten seconds while somebody looks on. Without it the page is whole as it was loaded.
"use strict";
(() => {
  const every = 10000;
  const live = document.getElementById("system-live");
  const when = document.getElementById("system-when");
  const button = document.getElementById("system-pause");
  let paused = false;
  let timer = 0;
  live.hidden = false;

  const plan = () => {
    clearTimeout(timer);
    if (!paused) timer = setTimeout(look, every);
  };

  const say = (text) => { when.textContent = text; };

  async function look() {
    if (document.hidden || busy()) return plan();
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, credentials: "same-origin" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById("system-body");
      if (!answer.ok || !fresh) throw new Error(String(answer.status));
      if (!paused) document.getElementById("system-body").replaceWith(fresh);
      say("updated " + new Date().toISOString().slice(11, 19) + " UTC");
    } catch {
      say("not reached; trying again");
    }
    plan();
  }

  // busy: what somebody has marked, or stands on with the keyboard, is not taken from under them.
  function busy() {
    const body = document.getElementById("system-body");
    const marked = getSelection();
    return body.contains(document.activeElement) || (marked && !marked.isCollapsed && body.contains(marked.anchorNode));
  }

  button.addEventListener("click", () => {
    paused = !paused;
    button.textContent = paused ? "Go on" : "Pause";
    say(paused ? "paused" : "updates every 10 s");
    if (paused) clearTimeout(timer); else look();
  });
  say("updates every 10 s");
  plan();
})();
