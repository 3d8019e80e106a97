//! Changes of one run's name and tags.

use std::collections::BTreeMap;
use std::path::Path;

use energy_store::Store;

use super::check_ended;
use crate::error::{Error, Result};
use crate::query::Recording;

/// Longest name or tag in bytes.
const LONGEST: usize = 1000;

/// Changes of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunEdit {
    /// New name; `Some(None)` removes it.
    pub name: Option<Option<String>>,
    /// Tags by key; `None` removes a tag.
    pub tags: BTreeMap<String, Option<String>>,
}

impl RunEdit {
    /// Checks names and keys.
    ///
    /// # Errors
    /// If a name would select other runs, a key is empty, or a text is too long.
    pub fn check(&self) -> Result<()> {
        let name = self.name.iter().flatten();
        if let Some(name) = name
            .clone()
            .find(|name| matches!(name.as_str(), "" | "last"))
        {
            let text = format!("a run cannot be called `{name}`; give another name");
            return Err(Error::Request(text));
        }
        if self
            .tags
            .keys()
            .any(|key| key.is_empty() || key.contains('='))
        {
            let text = "a tag needs a key without `=`".to_owned();
            return Err(Error::Request(text));
        }
        let values = self.tags.values().flatten();
        let mut texts = name.chain(self.tags.keys()).chain(values);
        match texts.find(|text| text.len() > LONGEST) {
            None => Ok(()),
            Some(_) => {
                let text = format!("names and tags have at most {LONGEST} bytes");
                Err(Error::Request(text))
            }
        }
    }
}

/// Changes the run `uuid` of the recording at `db`.
///
/// # Errors
/// If there is no such run, it is being recorded, or the file cannot be written.
pub fn edit_run(db: &Path, uuid: &str, edit: &RunEdit) -> Result<()> {
    edit.check()?;
    let run = Recording::open(db)?.run(uuid)?;
    check_ended(&run)?;
    let (store, run) = (Store::open_writable(db)?, run.no);
    if let Some(name) = &edit.name {
        store.set_name(run, name.as_deref())?;
    }
    for (key, value) in &edit.tags {
        match value {
            Some(value) => store.set_tag(&[run], key, value)?,
            None => {
                store.remove_tag(&[run], key)?;
            }
        }
    }
    Ok(())
}
