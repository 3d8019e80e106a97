//! Properties of the engine on random runs.
