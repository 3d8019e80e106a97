//! The summary as CSV: one value per record.
//!
//! ```text
//! section,item,key,value
//! totals,,energy_j,12.5
//! phases,prefill,energy_j,3.25
//! ```

use std::io::{self, Write};

use serde_json::Value;

use crate::format::csv::{field, record};

/// Keys that identify an item of a list.
const NAMES: [&str; 7] = ["rail", "phase", "node", "name", "kind", "group", "key"];

pub(super) fn write(summary: &Value, out: &mut dyn Write) -> io::Result<()> {
    record(out, &["section", "item", "key", "value"])?;
    for (section, content) in summary.as_object().into_iter().flatten() {
        match content {
            Value::Object(_) => keys(out, section, "", content)?,
            Value::Array(items) => items.iter().try_for_each(|item| {
                let name = NAMES.iter().find(|name| !item[**name].is_null());
                let name = name.map(|name| field(&item[*name]));
                keys(out, section, &name.unwrap_or_default(), item)
            })?,
            single => record(out, &[section.as_str(), "", "", &field(single)])?,
        }
    }
    Ok(())
}

fn keys(out: &mut dyn Write, section: &str, item: &str, object: &Value) -> io::Result<()> {
    for (key, value) in object.as_object().into_iter().flatten() {
        record(out, &[section, item, key, &field(value)])?;
    }
    Ok(())
}
