//! Attribution: who used the measured energy. Pure: no clock, no I/O, no threads.
