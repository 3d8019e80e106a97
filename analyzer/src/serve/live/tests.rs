//! Messages reach all clients.
