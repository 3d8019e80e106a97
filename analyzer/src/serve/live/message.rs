//! Messages to clients.

use std::sync::Arc;

use serde_json::Value;

/// A message before it has a number.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::serve) struct Message {
    /// Uuid of the run; `None` for messages about the server.
    pub(in crate::serve) run: Option<Arc<str>>,
    /// What it reports.
    pub(in crate::serve) kind: MessageKind,
    /// Lowest level of detail that includes it.
    pub(in crate::serve) detail: Detail,
    /// Wall clock of what it reports, ns since 1970.
    pub(in crate::serve) timestamp_unix_ns: i64,
    /// Member `data`: a JSON object.
    pub(in crate::serve) data: Value,
}

/// Receives messages, in the order of their numbers.
pub(in crate::serve) trait Publish: Send + Sync {
    /// Gives the message its number and sends it to clients. Never waits for them.
    fn publish(&self, message: Message);
}

impl<F: Fn(Message) + Send + Sync> Publish for F {
    fn publish(&self, message: Message) {
        self(message);
    }
}

/// Defines an enumeration with the names of its values.
macro_rules! names {
    ($(#[$doc:meta])* $type:ident { $($(#[$value_doc:meta])* $value:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(in crate::serve) enum $type {
            $($(#[$value_doc])* $value,)*
        }

        impl $type {
            /// All values.
            pub(in crate::serve) const ALL: &'static [Self] = &[$(Self::$value),*];

            /// Returns the name in messages.
            pub(in crate::serve) const fn name(self) -> &'static str {
                match self {
                    $(Self::$value => $name,)*
                }
            }

            /// Returns the value with that name.
            pub(in crate::serve) fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.name() == name)
            }
        }
    };
}

names! {
    /// What a message reports: its member `type`.
    MessageKind {
        /// First message of a connection.
        Hello = "hello",
        /// The connection works; nothing else was sent.
        Heartbeat = "heartbeat",
        /// Messages were not sent to this client.
        Gap = "gap",
        /// Answer to `ping`.
        Pong = "pong",
        /// A run began, or its description changed.
        RunStarted = "run_started",
        /// A reading of a rail.
        PowerSample = "power_sample",
        /// A run, phase, section or token began.
        SectionStart = "section_start",
        /// A run, phase, section or token ended.
        SectionEnd = "section_end",
        /// Energy of a token is known.
        TokenComplete = "token_complete",
        /// Energies of the layers of a token.
        LayerMetrics = "layer_metrics",
        /// Energies of the components of a token's layers.
        ComponentMetrics = "component_metrics",
        /// Energies of operations in a time.
        OperationMetrics = "operation_metrics",
        /// What the program executes now.
        Current = "current",
        /// The run ended.
        InferenceComplete = "inference_complete",
        /// A later attribution replaced the energies of a run.
        FiguresReplaced = "figures_replaced",
        /// The run was deleted.
        RunDeleted = "run_deleted",
        /// Something failed; has a remedy.
        Error = "error",
    }
}

names! {
    /// Level of detail of a subscription. Each level includes those before it.
    Detail {
        /// Runs and power.
        Power = "power",
        /// Phases and sections.
        Sections = "sections",
        /// Tokens.
        Tokens = "tokens",
        /// Layers of each token.
        Layers = "layers",
        /// Components of each layer.
        Components = "components",
        /// Operations.
        Operations = "operations",
    }
}
