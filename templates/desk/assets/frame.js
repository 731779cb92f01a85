// Airflow shows the desk in a sandboxed frame, in which no browser displays a PDF. There the page
// says where the preview is to be seen, in place of a grey box.
const inFrame = window.self !== window.top;
for (const part of document.querySelectorAll("[data-in-frame]")) {
  part.hidden = (part.dataset.inFrame === "yes") !== inFrame;
}
