"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const folds = all("details");

  // Print everything, then fold again what was folded.
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = folds.filter((fold) => !fold.open);
    for (const fold of folded) fold.open = true;
  });
  addEventListener("afterprint", () => {
    for (const fold of folded) fold.open = false;
  });

  // Sections get their true height when they come into view, which moves what is below: go there
  // again for as long as that takes, unless the reader scrolls.
  let going = null;
  for (const moved of ["wheel", "touchstart", "keydown"]) addEventListener(moved, () => (going = null), { passive: true });
  const settle = (target) => {
    const top = () => target.getBoundingClientRect().top;
    const again = (wanted, frames) => {
      if (going !== target || !frames) return;
      if (Math.abs(top() - wanted) > 1) {
        target.scrollIntoView();
        wanted = top();
      }
      requestAnimationFrame(() => again(wanted, frames - 1));
    };
    going = target;
    target.scrollIntoView();
    again(top(), 40);
  };

  // A link to something inside a fold opens it.
  const go = (hash) => {
    const target = document.getElementById(decodeURIComponent(hash.slice(1)));
    for (let node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
    if (target) settle(target);
  };
  addEventListener("hashchange", () => go(location.hash));
  addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    if (link && link.hash === location.hash) go(link.hash); // a second time: no hash changes
  });
  if (location.hash) go(location.hash);

  const form = document.getElementById("filter");
  const rows = all("#findings [data-f]");
  if (!rows.length) return;
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  const query = document.getElementById("query");
  const matches = document.getElementById("matches");
  const groups = all("#findings [data-g]").reverse();
  let texts = null;

  const textOf = (row) => {
    const place = row.parentElement.querySelector(".place");
    const kind = row.closest(".kind").querySelector("h5");
    const talk = row.closest(".talk");
    const account = row.closest(".account").dataset.account;
    const around = [place, kind, talk && talk.querySelector("h5")].map((node) => (node ? node.textContent : ""));
    return [row.textContent, account, ...around].join(" ").toLowerCase();
  };

  const filter = () => {
    const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
    texts = texts || rows.map(textOf);
    let shown = 0;
    rows.forEach((row, number) => {
      row.hidden = !words.every((word) => texts[number].includes(word));
      if (!row.hidden) shown += 1;
    });
    for (const group of groups) group.hidden = !group.querySelector("[data-f]:not([hidden])");
    for (const fold of all("#findings .kind details")) fold.open = words.length > 0;
    const told = { "{shown}": shown, "{all}": rows.length };
    matches.textContent = words.length ? matches.dataset.text.replace(/\{\w+\}/g, (name) => told[name]) : "";
  };
  let waiting = 0;
  query.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(filter, 150);
  });

  const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  const orders = {
    new: (a, b) => compare(b.dataset.t, a.dataset.t),
    old: (a, b) => compare(!a.dataset.t, !b.dataset.t) || compare(a.dataset.t, b.dataset.t),
    text: (a, b) => a.cells[0].textContent.localeCompare(b.cells[0].textContent),
  };
  document.getElementById("order").addEventListener("change", (event) => {
    const order = orders[event.target.value];
    for (const table of all("#findings table.findings")) {
      for (const body of table.tBodies) body.append(...all("[data-f]", body).sort(order));
      const first = (body) => body.querySelector("[data-f]");
      table.append(...[...table.tBodies].sort((a, b) => order(first(a), first(b))));
    }
  });
})();
