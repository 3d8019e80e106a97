//! CPU time of threads, processes and the machine.
