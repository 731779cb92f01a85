// Airflow shows the desk in a sandboxed frame. In that frame a link cannot open a new tab, and no
// browser shows a PDF. The browsers of many phones show no PDF at all. This script removes the
// parts of a page that are for another case, before they load anything, and shows the others.
const inFrame = window.self !== window.top;
const cases = { inFrame, showsPdf: !inFrame && navigator.pdfViewerEnabled !== false };
for (const part of document.querySelectorAll("[data-in-frame], [data-shows-pdf]")) {
  if (Object.entries(cases).some(([name, is]) => part.dataset[name] === (is ? "no" : "yes"))) {
    part.remove();
    continue;
  }
  part.hidden = false;
  if (part.dataset.src) part.src = part.dataset.src;
}

// The frame may not lead Airflow's page to another address, so such a link is opened from that page.
for (const link of inFrame ? document.querySelectorAll("a[data-airflow]") : []) {
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
