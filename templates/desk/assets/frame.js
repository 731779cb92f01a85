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
