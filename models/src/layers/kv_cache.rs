//! Keys and values of the positions processed so far.
//!
//! Each layer owns buffers of shape `(1, kv_heads, capacity, head_dim)`. A new position is
//! written in place, so a step costs the same however long the sequence is; only when a
//! buffer is full does it move to one of twice the size.
//!
//! A layer with a window of `w` positions keeps the last `w`: position `p` lies in slot
//! `p % w`. Keys are rotated by their own position before they are stored, and one new
//! position attends to all that are kept, so their order does not matter. Several new
//! positions at once see those that are still needed, in order, in front of themselves:
//!
//! ```text
//! w = 4, 6 stored    slots  4 5 2 3
//! 3 new positions    they attend to 3 4 5 and 6 7 8, by their mask
//!                    slots  8 5 6 7
//! ```

use candle_core::{Device, Tensor};

use crate::error::{Error, Result};
use crate::layers::cache_format::CacheFormat;
use crate::tape::recording;

/// Smallest number of positions that is allocated at once.
pub(crate) const MIN_CAPACITY: usize = 256;

/// The cache of one sequence in one layer.
#[derive(Debug, Clone)]
pub(crate) struct KvCache {
    shape: CacheShape,
    buffers: Option<CachedPositions>,
    capacity: usize,
    length: usize,
}

/// Properties of a cache that do not depend on its length.
#[derive(Debug, Clone)]
pub(crate) struct CacheShape {
    /// Key and value heads.
    pub kv_heads: usize,
    /// Width of one head.
    pub head_dim: usize,
    /// Largest number of positions of a sequence.
    pub limit: usize,
    /// Positions that the layer attends to; `None` for all.
    pub window: Option<usize>,
    /// Format of the numbers.
    pub format: CacheFormat,
    /// Device of the buffers.
    pub device: Device,
}

impl CacheShape {
    /// Returns the number of positions that are allocated for a sequence of `positions`.
    pub(crate) fn capacity(limit: usize, window: Option<usize>, positions: usize) -> usize {
        let kept = window.unwrap_or(usize::MAX);
        let least = MIN_CAPACITY.min(limit);
        positions.max(least).min(kept)
    }
}

/// Keys and values, each in the tensors of the format.
#[derive(Debug, Clone)]
pub(crate) struct CachedPositions {
    keys: Vec<Tensor>,
    values: Vec<Tensor>,
    format: CacheFormat,
}

impl CachedPositions {
    /// Returns keys and values as f32; the format F32 is not copied.
    pub(crate) fn read(&self) -> Result<(Tensor, Tensor)> {
        let format = self.format;
        Ok((format.decode(&self.keys)?, format.decode(&self.values)?))
    }

    /// Whether [`Self::read`] has to convert.
    pub(crate) fn is_converted(&self) -> bool {
        self.format != CacheFormat::F32
    }

    fn each(&self, of: impl Fn(&Tensor) -> candle_core::Result<Tensor>) -> Result<Self> {
        let all = |tensors: &[Tensor]| {
            let each = tensors.iter().map(&of);
            each.collect::<candle_core::Result<Vec<Tensor>>>()
        };
        Ok(Self {
            keys: all(&self.keys)?,
            values: all(&self.values)?,
            format: self.format,
        })
    }

    /// Views of `count` slots.
    fn slots(&self, first: usize, count: usize) -> Result<Self> {
        self.each(|tensor| tensor.narrow(2, first, count))
    }

    /// Copies these slots behind one another.
    fn joined(parts: &[Self]) -> Result<Self> {
        let [first, ..] = parts else {
            return Err(candle_core::Error::Msg("nothing is stored".into()).into());
        };
        let side = |of: fn(&Self) -> &[Tensor]| {
            let joined = |at: usize| {
                let tensors = parts.iter().filter_map(|part| of(part).get(at));
                Tensor::cat(&tensors.collect::<Vec<_>>(), 2)
            };
            let tensors = (0..of(first).len()).map(joined);
            tensors.collect::<candle_core::Result<Vec<Tensor>>>()
        };
        Ok(Self {
            keys: side(|part| &part.keys)?,
            values: side(|part| &part.values)?,
            format: first.format,
        })
    }

    /// Writes all of `new` from a slot on.
    fn write(&self, new: &Self, first: usize) -> Result<()> {
        let pairs = |to: &'_ [Tensor], from: &'_ [Tensor]| {
            let mut pairs = to.iter().zip(from);
            pairs.try_for_each(|(to, from)| to.slice_set(&from.contiguous()?, 2, first))
        };
        pairs(&self.keys, &new.keys)?;
        Ok(pairs(&self.values, &new.values)?)
    }
}

impl KvCache {
    /// An empty cache without memory.
    pub(crate) fn new(mut shape: CacheShape) -> Self {
        shape.window = shape.window.map(|window| window.max(1));
        Self {
            shape,
            buffers: None,
            capacity: 0,
            length: 0,
        }
    }

    /// An empty cache of the same shape.
    pub(crate) fn empty(&self) -> Self {
        Self::new(self.shape.clone())
    }

    /// Positions of the sequence.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// Bytes of the buffers.
    pub(crate) fn bytes(&self) -> usize {
        let head = self.shape.format.head_bytes(self.shape.head_dim);
        2 * self.capacity * self.shape.kv_heads * head
    }

    /// Allocates room for `positions` in total and keeps the stored ones.
    pub(crate) fn reserve(&mut self, positions: usize) -> Result<()> {
        let CacheShape { limit, window, .. } = self.shape;
        let needed = positions.min(window.unwrap_or(usize::MAX));
        if needed <= self.capacity {
            return Ok(());
        }
        let wanted = positions.max((2 * self.capacity).min(limit));
        let capacity = CacheShape::capacity(limit, window, wanted);
        let CacheShape {
            kv_heads, head_dim, ..
        } = self.shape;
        let room = || {
            let shape = (kv_heads, capacity, head_dim);
            self.shape.format.zeros(shape, &self.shape.device)
        };
        let larger = CachedPositions {
            keys: room()?,
            values: room()?,
            format: self.shape.format,
        };
        // Before the window is full, slots are positions.
        if let Some(old) = self.buffers.as_ref().filter(|_| self.length > 0) {
            larger.write(&old.slots(0, self.length.min(self.capacity))?, 0)?;
        }
        self.buffers = Some(larger);
        self.capacity = capacity;
        Ok(())
    }

    /// Appends positions, keys and values each of shape `(1, kv_heads, new, head_dim)`, and
    /// returns the last `visible` ones, the new ones included. They are valid until the next
    /// append; those of one new position in a window that is full are in any order.
    pub(crate) fn append(
        &mut self,
        keys: &Tensor,
        values: &Tensor,
        visible: usize,
    ) -> Result<CachedPositions> {
        let new = keys.dim(2)?;
        self.reserve(self.length + new)?;
        let before = recording::is_on().then(|| self.copied()).transpose()?;
        let stored = self.write(keys, values, visible)?;
        if let Some(before) = before {
            // A copy of the cache, always at the same positions: the cache itself is what
            // other operations read.
            let (keys, values) = (keys.clone(), values.clone());
            recording::keep(None, &Ok::<(), Error>(()), move || {
                before.write(&keys, &values, visible).map(drop)
            });
        }
        self.length += new;
        Ok(stored)
    }

    /// Writes behind the positions stored and returns the last `visible` ones.
    fn write(&self, keys: &Tensor, values: &Tensor, visible: usize) -> Result<CachedPositions> {
        let buffers = self.buffers.as_ref();
        let buffers =
            buffers.ok_or_else(|| candle_core::Error::Msg("the cache has no memory".into()))?;
        let format = self.shape.format;
        let new = CachedPositions {
            keys: format.encode(keys)?,
            values: format.encode(values)?,
            format,
        };
        let count = keys.dim(2)?;
        let end = self.length + count;
        let missing = || candle_core::Error::Msg(format!("the cache holds {end}"));
        let first = end.checked_sub(visible).ok_or_else(missing)?;
        if end <= self.capacity {
            buffers.write(&new, self.length)?;
            return buffers.slots(first, visible);
        }
        // The window is full: the capacity is its size.
        if count == 1 && visible == self.capacity {
            buffers.write(&new, self.length % self.capacity)?;
            return buffers.slots(0, visible);
        }
        let mut parts = self.ordered(buffers, first)?;
        parts.push(new.clone());
        let all = CachedPositions::joined(&parts)?;
        self.wrap(buffers, &new, count)?;
        all.slots(0, visible)
    }

    /// Views of the stored positions from `first` on, in order.
    fn ordered(&self, buffers: &CachedPositions, first: usize) -> Result<Vec<CachedPositions>> {
        let mut parts = Vec::new();
        let mut at = first;
        while at < self.length {
            let slot = at % self.capacity;
            let count = (self.capacity - slot).min(self.length - at);
            parts.push(buffers.slots(slot, count)?);
            at += count;
        }
        Ok(parts)
    }

    /// Writes the last of `count` new positions that the window keeps.
    fn wrap(&self, buffers: &CachedPositions, new: &CachedPositions, count: usize) -> Result<()> {
        let end = self.length + count;
        let mut at = self.length.max(end.saturating_sub(self.capacity));
        while at < end {
            let slot = at % self.capacity;
            let part = (self.capacity - slot).min(end - at);
            buffers.write(&new.slots(at - self.length, part)?, slot)?;
            at += part;
        }
        Ok(())
    }

    /// A cache with the same positions in buffers of its own.
    fn copied(&self) -> Result<Self> {
        let buffers = self.buffers.as_ref();
        let buffers = buffers
            .map(|stored| stored.each(Tensor::copy))
            .transpose()?;
        Ok(Self {
            buffers,
            ..self.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(limit: usize, window: Option<usize>) -> KvCache {
        KvCache::new(CacheShape {
            kv_heads: 2,
            head_dim: 4,
            limit,
            window,
            format: CacheFormat::F32,
            device: Device::Cpu,
        })
    }

    /// Keys and values of positions that are recognised by their number.
    fn positions(range: std::ops::Range<usize>) -> (Tensor, Tensor) {
        let count = range.len();
        let one: Vec<f32> = range.flat_map(|position| [position as f32; 4]).collect();
        let keys = Tensor::from_vec([one.clone(), one].concat(), (1, 2, count, 4), &Device::Cpu);
        let keys = keys.unwrap();
        let values = keys.neg().unwrap();
        (keys, values)
    }

    fn append(cache: &mut KvCache, count: usize, visible: usize) -> Vec<usize> {
        let (keys, values) = positions(cache.len()..cache.len() + count);
        let (keys, values) = cache
            .append(&keys, &values, visible)
            .unwrap()
            .read()
            .unwrap();
        let numbers = |x: &Tensor| x.get(0).unwrap().get(1).unwrap().to_vec2::<f32>().unwrap();
        let (keys, values) = (numbers(&keys), numbers(&values));
        for (key, value) in keys.iter().zip(&values) {
            assert_eq!((key, value[0]), (&vec![key[0]; 4], -key[0]));
        }
        keys.iter().map(|key| key[0] as usize).collect()
    }

    #[test]
    fn growth_keeps_what_is_stored() {
        let mut cache = cache(10_000, None);
        for position in 0..599 {
            append(&mut cache, 1, position + 1);
        }
        assert_eq!(append(&mut cache, 1, 600), Vec::from_iter(0..600));
        assert_eq!(append(&mut cache, 1, 2), [599, 600]);
        let (keys, values) = positions(601..602);
        assert!(cache.append(&keys, &values, 603).is_err());
        assert_eq!(cache.capacity, 1024);
        assert_eq!(cache.bytes(), 2 * 1024 * 2 * 4 * 4);
    }

    #[test]
    fn a_window_keeps_its_positions_only() {
        // Chunks smaller and larger than the window, and single positions between them.
        for chunks in [
            vec![1; 30],
            vec![3, 1, 1, 1, 9, 1, 1, 5, 2, 1, 12, 7, 1],
            vec![20, 1, 1, 20, 1],
            vec![4, 4, 4, 4, 1],
        ] {
            for window in [1, 4, 5] {
                let mut cache = cache(1000, Some(window));
                for count in chunks.iter().copied() {
                    let end = cache.len() + count;
                    let visible = end.min(window + count - 1);
                    let mut seen = append(&mut cache, count, visible);
                    if count == 1 {
                        seen.sort_unstable();
                    }
                    assert_eq!(
                        seen,
                        Vec::from_iter(end - visible..end),
                        "{chunks:?} {window}"
                    );
                    assert_eq!(cache.len(), end);
                    assert!(cache.capacity <= window);
                }
                assert_eq!(cache.bytes(), 2 * window * 2 * 4 * 4);
            }
        }
    }

    #[test]
    fn a_scratch_write_leaves_the_cache_as_it_is() {
        for window in [None, Some(2)] {
            let mut cache = cache(10, window);
            append(&mut cache, 3, 3);
            let before = cache.copied().unwrap();
            let copy = cache.copied().unwrap();
            let (keys, values) = positions(9..10);
            copy.write(&keys, &values, 1).unwrap();
            let numbers = |cache: &KvCache| {
                let keys = &cache.buffers.as_ref().unwrap().keys[0];
                keys.flatten_all().unwrap().to_vec1::<f32>().unwrap()
            };
            assert_eq!(numbers(&cache), numbers(&before));
            assert!(numbers(&copy).contains(&9.0));
        }
    }

    #[test]
    fn the_context_bounds_the_memory() {
        let mut cache = cache(300, None);
        append(&mut cache, 257, 257);
        assert_eq!(cache.capacity, 257);
        append(&mut cache, 1, 258);
        assert_eq!(cache.capacity, 300);
        let cache = cache.empty();
        assert_eq!((cache.len(), cache.bytes()), (0, 0));
    }
}
