//! Support for the end-to-end tests: fakes that are true to their format.
