// Airflow shows the desk in a sandboxed frame, in which no link opens a tab by itself and no browser
// displays a PDF; nor do the browsers of many phones, anywhere. A part that is meant for the other
// case goes, before it loads anything.
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
