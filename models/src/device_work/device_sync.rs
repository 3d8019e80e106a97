//! Which spans wait for the device.

/// The spans that end only when the device has done their work. On the CPU all do.
///
/// The results are the same; only times differ. Waiting keeps the device idle until the next
/// launch arrives, so that a run takes longer and needs more energy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceSync {
    /// Every span. The program and the device alternate, so the run is serialized.
    Op,
    /// Layers and sections.
    #[default]
    Layer,
    /// None of a pass: the program waits once, at its end.
    Token,
}

impl DeviceSync {
    /// All values, the finest first.
    pub const ALL: [Self; 3] = [Self::Op, Self::Layer, Self::Token];

    /// Returns the name of the value: `op`, `layer` or `token`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Op => "op",
            Self::Layer => "layer",
            Self::Token => "token",
        }
    }

    /// Whether program and device never work at the same time.
    pub fn is_serialized(self) -> bool {
        self == Self::Op
    }

    /// Whether a span of that role waits.
    pub(crate) fn waits_for(self, role: Option<&str>) -> bool {
        match self {
            Self::Op => true,
            Self::Layer => matches!(role, Some("layer" | "section")),
            Self::Token => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instrument::names;

    #[test]
    fn coarser_values_wait_for_fewer_spans() {
        let waits = |sync: DeviceSync, name| sync.waits_for(names::role(name));
        let waiting = |name| DeviceSync::ALL.map(|sync| waits(sync, name));
        assert_eq!(waiting(names::Q_PROJ), [true, false, false]);
        assert_eq!(waiting(names::KV_CACHE_APPEND), [true, false, false]);
        assert_eq!(waiting(names::LAYER), [true, true, false]);
        assert_eq!(waiting(names::LM_HEAD), [true, true, false]);
    }
}
