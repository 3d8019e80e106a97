//! Holds the runnable examples of `tracing-energy`; there is no code here.
