// The live stream: what changes reaches the page without a reload. A page asks for it with
//   tokenwatchLive({since, open(n), rows(list), many(), state(word)})
// where the state is "live", "pause" (ClickHouse does not answer), "end" (signed out) or "away" (no stream: reload).
// A browser opens few connections to one host, so of the tabs that look one holds the stream and tells the others; where
// the browser has no locks for that (plain HTTP from another host) each has a stream of its own.
"use strict";
function tokenwatchLive(page) {
  const base = document.querySelector("meta[name=base]").content;
  const room = window.BroadcastChannel && navigator.locks ? new BroadcastChannel("tokenwatch-live" + base) : null;
  const past = []; // of the tab that holds the stream: the newest messages, for tabs that come later
  let since = Number(page.since) || 0, source = null, release = () => {};

  function take(event) {
    if (event.kind === "rows" || event.kind === "many") {
      if (event.id <= since && (event.again || event.kind === "many")) return; // it is in the page already
      since = Math.max(since, event.id);
      page.open(event.data.open);
      if (event.kind === "rows") page.rows(event.data.rows); else page.many();
    } else if (event.kind === "open") {
      page.open(event.data.open);
      page.state("live");
    } else {
      page.state(event.kind === "resume" ? "live" : event.kind);
    }
  }
  function pass(event) {
    past.push(event);
    if (past.length > 64) past.shift();
    take(event);
    if (room) room.postMessage(event);
  }
  function later() {
    source = null;
    release();
    setTimeout(start, 30000 + Math.random() * 30000);
  }
  function listen() {
    const s = source = new EventSource(base + "/live" + (since ? "?since=" + since : ""));
    for (const kind of ["open", "rows", "many", "pause", "resume"]) {
      s.addEventListener(kind, e => pass({ kind, id: Number(e.lastEventId) || 0, data: JSON.parse(e.data) }));
    }
    s.addEventListener("end", () => { s.close(); pass({ kind: "end" }); later(); });
    s.onerror = () => {
      if (s.readyState !== EventSource.CLOSED) return; // it comes back by itself
      pass({ kind: "away" });
      later();
    };
  }
  function start() {
    if (!room) { listen(); return; }
    navigator.locks.request("tokenwatch-live" + base, () => new Promise(done => { release = done; listen(); }));
  }
  if (room) {
    room.onmessage = e => {
      if (e.data.kind !== "who") take(e.data);
      else if (source) past.forEach(event => room.postMessage({ ...event, again: true })); // what others have they leave out
    };
    room.postMessage({ kind: "who" });
  }
  start();
}
