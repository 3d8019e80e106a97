//! Callsites: names, roles and fields of their spans.

use std::collections::HashMap;
use std::sync::Arc;

use tracing::Metadata;

use super::device_fields;
use super::hash::IdMap;
use super::wire;
use energy_data::rows::{CallsiteRow, Domain, Role};

/// User settings for the interpretation of spans.
#[derive(Debug, Clone, Default)]
pub(crate) struct Naming {
    /// Fields whose values distinguish nodes.
    pub(crate) key_fields: Arc<[String]>,
    /// Role by span name.
    pub(crate) roles: HashMap<String, Role>,
    /// Domain by span name; that of others is the one of their fields, or else the CPU.
    pub(crate) domains: HashMap<String, Domain>,
}

/// A callsite seen in this recording.
pub(crate) struct Callsite {
    pub(crate) id: u32,
    pub(crate) metadata: &'static Metadata<'static>,
    pub(crate) role: Option<Role>,
    pub(crate) domain: Domain,
    /// Whether any of its fields is a key field.
    pub(crate) has_keys: bool,
    /// The use of each field.
    pub(crate) fields: Vec<FieldUse>,
}

/// Use of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldUse {
    /// Distinguishes nodes.
    Key,
    /// The token number.
    Token,
    /// When a device worked for the span.
    DeviceTime,
    /// Data of the instance.
    Data,
}

impl Callsite {
    fn new(id: u32, metadata: &'static Metadata<'static>, naming: &Naming) -> Self {
        let field_use = |name: &str| match name {
            _ if naming.key_fields.iter().any(|key| key == name) => FieldUse::Key,
            "token" => FieldUse::Token,
            _ if device_fields::is_time(name) => FieldUse::DeviceTime,
            _ => FieldUse::Data,
        };
        let mut names = metadata.fields().iter().map(|field| field.name());
        let stated = names.find_map(device_fields::domain);
        let fields: Vec<_> = metadata
            .fields()
            .iter()
            .map(|field| field_use(field.name()))
            .collect();
        Self {
            id,
            metadata,
            role: naming.roles.get(metadata.name()).copied(),
            domain: naming
                .domains
                .get(metadata.name())
                .copied()
                .or(stated)
                .unwrap_or_default(),
            has_keys: fields.contains(&FieldUse::Key),
            fields,
        }
    }

    /// Returns its row.
    pub(crate) fn row(&self) -> CallsiteRow {
        CallsiteRow {
            id: self.id,
            name: self.metadata.name().to_owned(),
            target: self.metadata.target().to_owned(),
            level: self.metadata.level().to_string(),
            file: self.metadata.file().map(str::to_owned),
            line: self.metadata.line(),
            domain: self.domain,
            role: self.role,
        }
    }

    /// Returns the name of field `index`.
    pub(crate) fn field_name(&self, index: usize) -> &'static str {
        self.metadata
            .fields()
            .iter()
            .nth(index)
            .map_or("", |field| field.name())
    }
}

/// All callsites seen, by number from 0.
pub(crate) struct Callsites {
    naming: Naming,
    all: Vec<Callsite>,
    by_word: IdMap<u64, usize>,
}

impl Callsites {
    pub(crate) fn new(naming: Naming) -> Self {
        Self {
            naming,
            all: Vec::new(),
            by_word: IdMap::default(),
        }
    }

    /// Returns the number of the callsite at `word`; calls `new` if it is new.
    pub(crate) fn number(&mut self, word: u64, new: impl FnOnce(CallsiteRow)) -> usize {
        if let Some(&number) = self.by_word.get(&word) {
            return number;
        }
        let number = self.all.len();
        // SAFETY: words of callsites in a log come from `wire::callsite`.
        let metadata = unsafe { wire::metadata(word) };
        let callsite = Callsite::new(number as u32 + 1, metadata, &self.naming);
        new(callsite.row());
        self.all.push(callsite);
        self.by_word.insert(word, number);
        number
    }

    /// Returns the callsite with that number.
    pub(crate) fn get(&self, number: usize) -> &Callsite {
        &self.all[number]
    }
}
