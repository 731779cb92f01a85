// What a page of the desk needs beside its own script. Every page works without it.

const PERSON = document.body.dataset.person ?? "";
const HERE = location.pathname + location.search;

/** What this tab keeps under a name, for this person alone. */
const kept = {
  read(name) {
    const found = JSON.parse(sessionStorage.getItem(`closebook ${name}`) ?? "null");
    return found?.person === PERSON ? found.value : null;
  },
  write(name, value) {
    const text = JSON.stringify({ person: PERSON, value });
    sessionStorage.setItem(`closebook ${name}`, text);
  },
  remove(name) {
    sessionStorage.removeItem(`closebook ${name}`);
  },
};

// ---- links to Airflow --------------------------------------------------------------------------

// The frame may not lead Airflow's page to another address, so such a link is opened from that page.
const isInFrame = window.self !== window.top;
for (const link of isInFrame ? document.querySelectorAll("a[data-airflow]") : []) {
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const opened = window.top.document.createElement("a");
    opened.href = link.href;
    opened.click();
  });
}

// A browser gives the clipboard to pages over HTTPS only; the command works without.
for (const button of document.querySelectorAll("button[data-copies]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const field = document.getElementById(button.dataset.copies);
    field.select();
    if (document.execCommand("copy")) button.firstChild.textContent = "Copied";
  });
}

// ---- tables on a phone -------------------------------------------------------------------------

// On a narrow page each row of a table is a card, and each cell has its column's name: desk.css. The
// roles are those that a table has by itself, which a browser may drop when it is laid out so.
const ROLES = { TABLE: "table", THEAD: "rowgroup", TBODY: "rowgroup", TR: "row", TD: "cell" };
for (const table of document.querySelectorAll("main table")) {
  const heads = [...(table.tHead?.rows[0]?.cells ?? [])];
  for (const each of [table, ...table.querySelectorAll("thead, tbody, tr, td")]) {
    each.role = ROLES[each.tagName];
  }
  for (const each of table.querySelectorAll("th")) {
    each.role = each.scope === "row" ? "rowheader" : "columnheader";
  }
  for (const row of table.tBodies[0]?.rows ?? []) {
    for (const [place, cell] of [...row.cells].entries()) {
      const name = heads[place]?.textContent.trim();
      if (name && cell.colSpan === 1 && cell.scope !== "row") cell.dataset.label = name;
    }
  }
  table.classList.add("stacks");
}

// ---- back to the list --------------------------------------------------------------------------

// A list is left with its search and its page; the link above a statement leads back to them.
const list = document.querySelector("[data-list]");
if (list) kept.write(`list ${list.dataset.list}`, HERE);
for (const link of document.querySelectorAll("a[data-back]")) {
  link.href = kept.read(`list ${link.dataset.back}`) ?? link.href;
}

// ---- what was typed ----------------------------------------------------------------------------

// A form that is refused, because its log-in has ended or its server is busy, is filled in again on
// the page that it is from. The page of a refusal says so by data-refused.
const TYPED = "textarea, select, input:not([type=hidden], [readonly])";

function valuesOf(form) {
  const fields = [...form.elements].filter((each) => each.name && each.matches(TYPED));
  return fields.map(({ name, type, value, checked }) => {
    return type === "checkbox" ? { name, value, checked } : { name, value };
  });
}

function fillIn(form, values) {
  for (const { name, value, checked } of values) {
    const fields = [...form.elements].filter((each) => each.name === name && each.matches(TYPED));
    for (const each of fields) {
      if (each.type !== "checkbox") each.value = value;
      else if (each.value === value) each.checked = checked;
    }
  }
}

const isRefusal = "refused" in document.body.dataset;
if (isRefusal) {
  const sent = JSON.parse(sessionStorage.getItem("closebook sent") ?? "null");
  if (sent) sessionStorage.setItem("closebook refused", JSON.stringify(sent));
  for (const link of document.querySelectorAll("a[data-again]")) {
    if (sent) link.href = isInFrame ? `${link.dataset.frame}${sent.value.from}` : sent.value.from;
    link.hidden = !sent;
  }
} else {
  const refused = kept.read("refused");
  if (refused?.from === HERE) {
    kept.remove("refused");
    const forms = [...document.forms].filter((each) => each.action === refused.action);
    for (const form of forms) {
      fillIn(form, refused.values);
      const notice = document.createElement("p");
      notice.className = "notice warn";
      notice.role = "status";
      notice.textContent = "This form was not sent. What you typed is filled in again: send it now.";
      form.prepend(notice);
      form.scrollIntoView({ block: "center" });
    }
  }
}
kept.remove("sent");
for (const form of document.forms) {
  if (form.method !== "post") continue;
  form.addEventListener("submit", () => {
    kept.write("sent", { from: HERE, action: form.action, values: valuesOf(form) });
  });
}

// ---- statements that are selected on several pages ----------------------------------------------

const selection = document.querySelector("form[data-most]");
if (selection) {
  const most = Number(selection.dataset.most);
  const boxes = [...selection.querySelectorAll("input[type=checkbox][name=statement]")];
  const notice = selection.querySelector("[data-selected]");
  const clear = selection.querySelector("[data-clears]");
  const selected = new Set(kept.read("selected") ?? []);

  function show() {
    for (const box of boxes) box.checked = selected.has(box.value);
    const here = boxes.filter((box) => box.checked).length;
    const elsewhere = selected.size - here;
    const others = elsewhere ? `, ${elsewhere} of them on other pages` : "";
    notice.textContent = selected.size ? `${selected.size} selected${others}.` : "";
    if (selected.size > most) notice.textContent += ` One ZIP takes at most ${most}.`;
    clear.hidden = !selected.size;
  }

  selection.addEventListener("change", (event) => {
    if (!boxes.includes(event.target)) return;
    if (event.target.checked) selected.add(event.target.value);
    else selected.delete(event.target.value);
    kept.write("selected", [...selected]);
    show();
  });
  clear.addEventListener("click", () => {
    selected.clear();
    kept.remove("selected");
    show();
  });
  selection.addEventListener("formdata", ({ formData }) => {
    const shown = new Set(boxes.map((box) => box.value));
    for (const each of selected) if (!shown.has(each)) formData.append("statement", each);
  });
  // What was ticked before this script began, as after a step back.
  for (const box of boxes) if (box.checked) selected.add(box.value);
  show();
}
