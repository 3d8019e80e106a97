//! Shares of idle power: at each moment it is divided equally among the
//! activations without an open parent (roots), and within each root among its
//! innermost activations that wait for nothing.
//!
//! ```text
//! roots      r1 |------------------|        r2    |--------|
//! innermost     |--a--|------b-----|              |---c----|
//! share         |  a 1   |  b 1    | b 1/2, c 1/2 |  c 1   |
//! ```
//!
//! A change costs O(1) by virtual time: `V` runs at 1 / (number of roots); each
//! root's own `v` runs at `dV` / (number of its innermost). An activation's share
//! is the distance that `v` of its root went while it was innermost.

/// The virtual time that all roots share.
#[derive(Debug, Default)]
pub(crate) struct SharedTime {
    virtual_ns: f64,
    at: i64,
    roots: u32,
}

impl SharedTime {
    /// Adds a root.
    pub(crate) fn add_root(&mut self, now: i64) {
        self.advance(now);
        self.roots += 1;
    }

    /// Removes a root.
    pub(crate) fn remove_root(&mut self, now: i64) {
        self.advance(now);
        self.roots -= 1;
    }

    fn advance(&mut self, now: i64) -> f64 {
        if self.roots > 0 {
            self.virtual_ns += (now - self.at) as f64 / f64::from(self.roots);
        }
        self.at = now;
        self.virtual_ns
    }
}

/// The virtual time of one root.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct RootTime {
    virtual_ns: f64,
    shared_at: f64,
    innermost: u32,
}

impl RootTime {
    /// Adds an innermost activation; returns its mark.
    pub(crate) fn join(&mut self, shared: &mut SharedTime, now: i64) -> f64 {
        self.advance(shared, now);
        self.innermost += 1;
        self.virtual_ns
    }

    /// Removes the innermost activation with this mark; returns its share in ns.
    pub(crate) fn leave(&mut self, mark: f64, shared: &mut SharedTime, now: i64) -> f64 {
        self.advance(shared, now);
        self.innermost -= 1;
        self.virtual_ns - mark
    }

    fn advance(&mut self, shared: &mut SharedTime, now: i64) {
        let shared_now = shared.advance(now);
        if self.innermost > 0 {
            self.virtual_ns += (shared_now - self.shared_at) / f64::from(self.innermost);
        }
        self.shared_at = shared_now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```text
    ///      0    10    20    30
    /// r1   |----a-----------|
    ///            |----b-----|       a, b innermost of r1 on two threads
    /// r2               |-c--------| to 40
    /// ```
    #[test]
    fn each_moment_is_divided_by_roots_then_by_innermost() {
        let mut shared = SharedTime::default();
        let (mut r1, mut r2) = (RootTime::default(), RootTime::default());
        shared.add_root(0);
        let a = r1.join(&mut shared, 0);
        let b = r1.join(&mut shared, 10);
        shared.add_root(20);
        let c = r2.join(&mut shared, 20);
        let a = r1.leave(a, &mut shared, 30);
        let b = r1.leave(b, &mut shared, 30);
        shared.remove_root(30);
        let c = r2.leave(c, &mut shared, 40);
        assert_eq!((a, b, c), (17.5, 7.5, 15.0));
    }
}
