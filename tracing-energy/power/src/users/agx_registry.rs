//! The I/O registry of this Mac. Type-checked, never run.

use std::collections::BTreeMap;

use objc2_core_foundation::{CFArray, CFDictionary, CFNumber, CFRetained, CFString, CFType};
use objc2_io_kit::{
    IOIteratorNext, IOObjectRelease, IORegistryEntryCreateCFProperty,
    IORegistryEntryGetChildIterator, IORegistryEntryGetRegistryEntryID,
    IOServiceGetMatchingServices, IOServiceMatching, io_iterator_t, io_object_t,
};

use super::agx::Registry;

/// Clients are children of the accelerator; they are not registered as services.
const ACCELERATOR: &std::ffi::CStr = c"IOAccelerator";
const SERVICES: &[u8] = b"IOService";

/// Reads the clients of this Mac's GPU.
#[derive(Debug, Default)]
pub(super) struct AgxRegistry {
    clients: BTreeMap<u64, Handle>,
}

/// An object of the registry, released when it is dropped.
#[derive(Debug)]
struct Handle(io_object_t);

impl Drop for Handle {
    fn drop(&mut self) {
        IOObjectRelease(self.0);
    }
}

/// Objects of an iterator.
struct Objects(Handle);

impl Iterator for Objects {
    type Item = Handle;

    fn next(&mut self) -> Option<Handle> {
        let object = IOIteratorNext(self.0.0);
        (object != 0).then_some(Handle(object))
    }
}

impl Registry for AgxRegistry {
    fn scan(&mut self) -> Option<Vec<(u64, String)>> {
        let mut found = Vec::new();
        let mut clients = BTreeMap::new();
        for client in accelerators()?.filter_map(|one| children(&one)).flatten() {
            let Some(creator) = text(&client, "IOUserClientCreator") else {
                continue;
            };
            if let Some(id) = id(&client) {
                found.push((id, creator));
                clients.insert(id, client);
            }
        }
        self.clients = clients;
        Some(found)
    }

    fn busy_ns(&mut self, client: u64) -> Option<u64> {
        let usage = property(self.clients.get(&client)?, "AppUsage")?;
        let usage = usage.downcast::<CFArray>().ok()?;
        // SAFETY: arrays of the registry hold objects of Core Foundation.
        let usage = unsafe { CFRetained::cast_unchecked::<CFArray<CFType>>(usage) };
        let times = usage.iter().filter_map(gpu_time);
        Some(times.sum())
    }
}

fn accelerators() -> Option<Objects> {
    let mut iterator: io_iterator_t = 0;
    // SAFETY: the name ends with a zero.
    let matching = unsafe { IOServiceMatching(ACCELERATOR.as_ptr()) }?;
    // SAFETY: a mutable dictionary is a dictionary.
    let matching = unsafe { CFRetained::cast_unchecked::<CFDictionary>(matching) };
    // SAFETY: `iterator` lives during the call; port 0 is the default one.
    let result = unsafe { IOServiceGetMatchingServices(0, Some(matching), &raw mut iterator) };
    (result == 0).then_some(Objects(Handle(iterator)))
}

fn children(entry: &Handle) -> Option<Objects> {
    let mut plane: [std::ffi::c_char; 128] = [0; 128];
    for (to, from) in plane.iter_mut().zip(SERVICES) {
        *to = *from as std::ffi::c_char;
    }
    let mut iterator: io_iterator_t = 0;
    // SAFETY: `plane` ends with a zero, and both live during the call.
    let result =
        unsafe { IORegistryEntryGetChildIterator(entry.0, &raw mut plane, &raw mut iterator) };
    (result == 0).then_some(Objects(Handle(iterator)))
}

fn id(entry: &Handle) -> Option<u64> {
    let mut id = 0;
    // SAFETY: `id` lives during the call.
    let result = unsafe { IORegistryEntryGetRegistryEntryID(entry.0, &raw mut id) };
    (result == 0).then_some(id)
}

fn property(entry: &Handle, key: &'static str) -> Option<CFRetained<CFType>> {
    let key = CFString::from_static_str(key);
    // SAFETY: the entry is held, and the default allocator is used.
    unsafe { IORegistryEntryCreateCFProperty(entry.0, Some(&key), None, 0) }
}

fn text(entry: &Handle, key: &'static str) -> Option<String> {
    let text = property(entry, key)?.downcast::<CFString>().ok()?;
    Some(text.to_string())
}

/// Returns the GPU time of one queue in ns.
fn gpu_time(queue: CFRetained<CFType>) -> Option<u64> {
    let queue = queue.downcast::<CFDictionary>().ok()?;
    // SAFETY: dictionaries of the registry have texts as keys and objects as values.
    let queue = unsafe { CFRetained::cast_unchecked::<CFDictionary<CFString, CFType>>(queue) };
    let time = queue.get(&CFString::from_static_str("accumulatedGPUTime"))?;
    let nanos = time.downcast_ref::<CFNumber>()?.as_i64()?;
    u64::try_from(nanos).ok()
}
