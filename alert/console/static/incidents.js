// The list of incidents: keys, and rows that change without a reload. The list can be read and used without it.
"use strict";
(() => {
  const list = document.getElementById("inbox");
  if (!list) return;
  const news = document.getElementById("inbox-news");
  const help = document.getElementById("inbox-help");
  const keys = document.getElementById("inbox-keys");
  const rows = Array.from(list.querySelectorAll("tr[data-id]"));
  const byID = new Map(rows.map(row => [row.dataset.id, row]));
  const may = list.dataset.may === "true";
  if (keys) keys.hidden = false;

  // Keys. The row that holds the focus is the one they are about.
  const cell = (row, name) => row.querySelector(`[data-cell=${name}]`);
  const current = () => rows.find(row => row.contains(document.activeElement));
  function go(to) {
    if (!rows.length) return;
    const row = rows[Math.min(Math.max(to, 0), rows.length - 1)];
    cell(row, "summary").focus();
    row.scrollIntoView({ block: "nearest" });
  }
  function press(button) {
    const row = button.closest("tr");
    sessionStorage.setItem("tokenwatch-inbox", String(rows.indexOf(row)));
    list.requestSubmit(button);
  }
  const acts = {
    j: row => go(row ? rows.indexOf(row) + 1 : 0),
    k: row => go(row ? rows.indexOf(row) - 1 : 0),
    o: row => row && cell(row, "summary").click(),
    a: row => { const b = may && row && row.querySelector("button[name=one]"); if (b && !b.hidden) press(b); },
    x: row => { const t = may && row && row.querySelector("input[name=id]"); if (t && !t.disabled) t.checked = !t.checked; },
    r: row => { const a = may && row && row.querySelector(".inbox-revoke"); if (a && !a.hidden) a.click(); },
    "/": () => { const s = document.getElementById("inbox-search"); s.focus(); s.select(); },
    "?": () => help.showModal(),
  };
  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented || help.open) return;
    if (event.target.closest("input:not([type=checkbox]), select, textarea, [contenteditable]")) return;
    if (!Object.hasOwn(acts, event.key) || event.repeat && event.key !== "j" && event.key !== "k") return;
    event.preventDefault();
    acts[event.key](current());
  });
  const last = sessionStorage.getItem("tokenwatch-inbox"); // after an act: where it was made
  sessionStorage.removeItem("tokenwatch-inbox");
  if (last !== null) go(Number(last));

  // Ages go on.
  const unit = (n, word) => `${Math.floor(n)} ${word}`;
  function age(since) {
    const s = Math.max(0, (Date.now() - Date.parse(since)) / 1000);
    return s < 60 ? unit(s, "s") : s < 3600 ? unit(s / 60, "min") : s < 48 * 3600 ? unit(s / 3600, "h") : unit(s / 86400, "days");
  }
  setInterval(() => list.querySelectorAll("time").forEach(t => { t.textContent = age(t.dateTime); }), 30000);

  // Live. Rows stay where they are; what is new is counted, and shown when somebody wants it.
  const fresh = new Set();
  let crowd = false, state = "live";
  const words = {
    pause: "Live updates pause: ClickHouse does not answer.",
    end: "You are signed out. Reload to sign in.",
    away: "No live updates at the moment. Reload to see what is new.",
  };
  function tell() {
    let text = "";
    if (crowd) text = "Many incidents changed";
    else if (fresh.size) text = fresh.size + " new";
    news.replaceChildren();
    if (text || state === "end" || state === "away") {
      const link = document.createElement("a");
      link.href = list.dataset.reload;
      link.textContent = text ? text + ": show" : "Reload";
      news.append(link, " ");
    }
    if (state !== "live") news.append(words[state]);
    news.hidden = !news.hasChildNodes();
  }
  function fill(row, name, text) {
    const at = cell(row, name);
    at.textContent = text;
    at.hidden = !text;
  }
  function update(row, now) {
    if (Number(row.dataset.revision) >= now.revision) return;
    row.dataset.revision = now.revision;
    row.className = "inbox-" + now.state + " inbox-changed" + (now.decide ? " inbox-decision" : "");
    const severity = cell(row, "severity");
    severity.className = "severity " + now.severity;
    severity.querySelector("use").setAttribute("href", "#shape-" + now.severity);
    severity.querySelector("span").textContent = now.severity;
    for (const name of ["score", "summary", "state", "said", "snoozed", "revocation"]) fill(row, name, now[name]);
    if (!may) return;
    const open = now.state === "open", tick = row.querySelector("input[name=id]");
    row.querySelector("button[name=one]").hidden = !open;
    row.querySelector(".inbox-revoke").hidden = !now.decide;
    tick.disabled = !open;
    tick.checked = tick.checked && open;
  }
  tokenwatchLive({
    since: list.dataset.since,
    open(n) { document.title = (n ? `(${n}) ` : "") + document.title.replace(/^\(\d+\) /, ""); },
    rows(changed) {
      for (const now of changed) {
        if (byID.has(now.id)) update(byID.get(now.id), now);
        else if (now.new) fresh.add(now.id);
        else if (now.state === "resolved") fresh.delete(now.id);
      }
      tell();
    },
    many() { crowd = true; tell(); },
    state(word) { state = word; tell(); },
  });
})();
