"""One folder a TFX component, and `fewshot`, which knows nothing of TFX. May import `data`; no component imports another."""
