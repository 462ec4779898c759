"""The microphone of the browser as a notebook widget, through anywidget."""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

# The browser decodes what its recorder made, mixes it down to one channel at 16 kHz, and sends 16-bit PCM in a WAV
# file. So no codec of a browser has to be read here.
_SCRIPT = r"""
function wavOf(samples, rate) {
  const view = new DataView(new ArrayBuffer(44 + samples.length * 2));
  const text = (at, s) => [...s].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)));
  text(0, "RIFF"); view.setUint32(4, 36 + samples.length * 2, true); text(8, "WAVEfmt ");
  view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);
  view.setUint32(24, rate, true); view.setUint32(28, rate * 2, true);
  view.setUint16(32, 2, true); view.setUint16(34, 16, true);
  text(36, "data"); view.setUint32(40, samples.length * 2, true);
  samples.forEach((s, i) => view.setInt16(44 + i * 2, Math.max(-1, Math.min(1, s)) * 32767, true));
  return view;
}
async function mono16k(blob) {
  const context = new AudioContext();
  const sound = await context.decodeAudioData(await blob.arrayBuffer());
  await context.close();
  const offline = new OfflineAudioContext(1, Math.ceil(sound.duration * 16000), 16000);
  const source = offline.createBufferSource();
  source.buffer = sound; source.connect(offline.destination); source.start();
  return (await offline.startRendering()).getChannelData(0);
}
function render({ model, el }) {
  const button = document.createElement("button");
  const note = document.createElement("span");
  button.className = "jupyter-button emolab-record";
  button.type = "button";
  note.setAttribute("role", "status");
  note.style.marginLeft = "8px";
  el.append(button, note);
  let recorder = null, timer = null;
  const idle = () => { button.textContent = "Record"; button.setAttribute("aria-pressed", "false"); };
  const fail = (error) => {
    note.textContent = "No microphone here (" + error.message + "). Choose a sound file instead.";
    model.set("available", false); model.save_changes(); idle();
  };
  idle();
  if (!navigator.mediaDevices || !window.MediaRecorder) {
    button.disabled = true;
    note.textContent = "This browser gives the page no microphone (a page needs https or localhost)."
      + " Choose a sound file instead.";
    model.set("available", false); model.save_changes();
    return;
  }
  button.addEventListener("click", async () => {
    if (recorder) { recorder.stop(); return; }
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
      const chunks = [];
      recorder = new MediaRecorder(stream);
      recorder.ondataavailable = (event) => chunks.push(event.data);
      recorder.onstop = async () => {
        clearTimeout(timer); recorder = null; idle();
        stream.getTracks().forEach((track) => track.stop());
        try {
          const samples = await mono16k(new Blob(chunks));
          model.set("data", wavOf(samples, 16000)); model.save_changes();
          note.textContent = (samples.length / 16000).toFixed(1) + " s recorded";
        } catch (error) { fail(error); }
      };
      recorder.start();
      button.textContent = "Stop"; button.setAttribute("aria-pressed", "true");
      note.textContent = "recording …";
      timer = setTimeout(() => recorder && recorder.stop(), 1000 * model.get("longest"));
    } catch (error) { recorder = null; fail(error); }
  });
}
export default { render };
"""


def _bytes_of(value: Any, widget: Any) -> bytes:
    """The browser's buffer as bytes; it arrives as a memory view."""
    return bytes(value)


class Microphone(anywidget.AnyWidget):
    """A button that records from the browser's microphone. `data` holds the last recording as a 16 kHz mono WAV file.

    `longest` is the length in seconds after which a recording stops by itself. `available` turns False where the
    browser has no microphone or the person refuses it.
    """

    _esm = _SCRIPT
    data = traitlets.Bytes(b"").tag(sync=True, from_json=_bytes_of)
    longest = traitlets.Float(20.0).tag(sync=True)
    available = traitlets.Bool(True).tag(sync=True)

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
