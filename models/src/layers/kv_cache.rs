//! Keys and values of the positions processed so far.
//!
//! Each layer owns two buffers of shape `(1, kv_heads, capacity, head_dim)`.
//! A new position is written in place, so a step costs the same however long
//! the sequence is; only when a buffer is full does it move to one of twice
//! the size.

use candle_core::{DType, Device, Tensor};

use crate::error::{Error, Result};
use crate::tape::recording;

/// Smallest number of positions that is allocated at once.
pub(crate) const MIN_CAPACITY: usize = 256;

/// The cache of one layer.
#[derive(Debug, Clone)]
pub(crate) struct KvCache {
    shape: CacheShape,
    buffers: Option<(Tensor, Tensor)>,
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
    /// Largest number of positions.
    pub limit: usize,
    /// Device of the buffers.
    pub device: Device,
}

impl KvCache {
    /// An empty cache without memory.
    pub(crate) fn new(shape: CacheShape) -> Self {
        Self {
            shape,
            buffers: None,
            capacity: 0,
            length: 0,
        }
    }

    /// Positions stored.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// Bytes of both buffers.
    pub(crate) fn bytes(&self) -> usize {
        2 * self.capacity * self.shape.kv_heads * self.shape.head_dim * DType::F32.size_in_bytes()
    }

    /// Forgets all positions and frees the memory.
    pub(crate) fn clear(&mut self) {
        *self = Self::new(self.shape.clone());
    }

    /// Allocates room for `positions` in total and keeps the stored ones.
    pub(crate) fn reserve(&mut self, positions: usize) -> Result<()> {
        if positions <= self.capacity {
            return Ok(());
        }
        let wanted = positions.max(2 * self.capacity).max(MIN_CAPACITY);
        let capacity = wanted.min(self.shape.limit).max(positions);
        self.buffers = Some((self.moved(capacity, 0)?, self.moved(capacity, 1)?));
        self.capacity = capacity;
        Ok(())
    }

    /// A larger copy of the keys (0) or values (1).
    fn moved(&self, capacity: usize, which: usize) -> Result<Tensor> {
        let shape = (1, self.shape.kv_heads, capacity, self.shape.head_dim);
        let target = Tensor::zeros(shape, DType::F32, &self.shape.device)?;
        if let Some((keys, values)) = self.buffers.as_ref().filter(|_| self.length > 0) {
            let old = [keys, values][which].narrow(2, 0, self.length)?;
            target.slice_set(&old.contiguous()?, 2, 0)?;
        }
        Ok(target)
    }

    /// Writes new positions, each of shape `(1, kv_heads, new, head_dim)`,
    /// behind those stored.
    pub(crate) fn append(&mut self, keys: &Tensor, values: &Tensor) -> Result<()> {
        let new = keys.dim(2)?;
        self.reserve(self.length + new)?;
        let written = self.write(keys, values);
        if recording::is_on() {
            recording::keep(None, &written, self.scratch(keys, values)?);
        }
        self.length += new;
        written
    }

    /// Writes into the room behind the positions stored.
    fn write(&self, keys: &Tensor, values: &Tensor) -> Result<()> {
        if let Some((all_keys, all_values)) = &self.buffers {
            all_keys.slice_set(&keys.contiguous()?, 2, self.length)?;
            all_values.slice_set(&values.contiguous()?, 2, self.length)?;
        }
        Ok(())
    }

    /// [`Self::write`] to a copy of the cache, always at the same positions: the
    /// cache itself is what other operations read.
    fn scratch(
        &self,
        keys: &Tensor,
        values: &Tensor,
    ) -> Result<impl Fn() -> Result<()> + Send + use<>> {
        let (scratch, keys, values) = (self.copied()?, keys.clone(), values.clone());
        Ok(move || scratch.write(&keys, &values))
    }

    /// A cache with the same positions in buffers of its own.
    fn copied(&self) -> Result<Self> {
        let copy =
            |(keys, values): &(Tensor, Tensor)| Ok::<_, Error>((keys.copy()?, values.copy()?));
        let buffers = self.buffers.as_ref().map(copy).transpose()?;
        Ok(Self {
            buffers,
            ..self.clone()
        })
    }

    /// Returns the last `count` keys and values, each `(1, kv_heads, count, head_dim)`, as
    /// tensor views without a copy. They are valid until the next append.
    ///
    /// # Errors
    /// If fewer are stored.
    pub(crate) fn view(&self, count: usize) -> Result<(Tensor, Tensor)> {
        let Some((keys, values)) = &self.buffers else {
            return Err(candle_core::Error::Msg("the cache is empty".into()).into());
        };
        let missing = || candle_core::Error::Msg(format!("the cache holds {}", self.length));
        let first = self.length.checked_sub(count).ok_or_else(missing)?;
        let keys = keys.narrow(2, first, count)?;
        Ok((keys, values.narrow(2, first, count)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(limit: usize) -> KvCache {
        KvCache::new(CacheShape {
            kv_heads: 2,
            head_dim: 4,
            limit,
            device: Device::Cpu,
        })
    }

    fn step(count: usize, value: f32) -> Tensor {
        Tensor::full(value, (1, 2, count, 4), &Device::Cpu).unwrap()
    }

    #[test]
    fn growth_keeps_what_is_stored() {
        let mut cache = cache(10_000);
        for position in 0..600 {
            let value = position as f32;
            cache.append(&step(1, value), &step(1, -value)).unwrap();
        }
        let (keys, values) = cache.view(600).unwrap();
        let keys = keys
            .to_dtype(DType::F32)
            .unwrap()
            .squeeze(0)
            .unwrap()
            .to_vec3::<f32>()
            .unwrap();
        let values = values.squeeze(0).unwrap().to_vec3::<f32>().unwrap();
        for position in 0..600 {
            assert_eq!(keys[1][position], [position as f32; 4]);
            assert_eq!(values[0][position], [-(position as f32); 4]);
        }
        let (last, _) = cache.view(2).unwrap();
        let last = last.squeeze(0).unwrap().to_vec3::<f32>().unwrap();
        assert_eq!(last[0], [[598.0; 4], [599.0; 4]]);
        assert!(cache.view(601).is_err());
        assert_eq!(cache.capacity, 1024);
        assert_eq!(cache.bytes(), 2 * 1024 * 2 * 4 * 4);
    }

    #[test]
    fn a_scratch_write_leaves_the_cache_as_it_is() {
        let mut cache = cache(10);
        cache.append(&step(3, 1.0), &step(3, -1.0)).unwrap();
        cache.append(&step(1, 2.0), &step(1, -2.0)).unwrap();
        let before = cache.view(4).unwrap().0.flatten_all().unwrap();
        cache.length = 3;
        let (new, copy) = (step(1, 9.0), cache.copied().unwrap());
        copy.write(&new, &new).unwrap();
        cache.scratch(&new, &new).unwrap()().unwrap();
        cache.length = 4;
        let after = cache.view(4).unwrap().0.flatten_all().unwrap();
        assert_eq!(
            before.to_vec1::<f32>().unwrap(),
            after.to_vec1::<f32>().unwrap()
        );
        let written = copy.buffers.unwrap().0.narrow(2, 3, 1).unwrap();
        let written = written.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(written, [9.0; 8]);
    }

    #[test]
    fn the_context_bounds_the_memory() {
        let mut cache = cache(300);
        cache.append(&step(257, 1.0), &step(257, 1.0)).unwrap();
        assert_eq!(cache.capacity, 257);
        cache.append(&step(1, 1.0), &step(1, 1.0)).unwrap();
        assert_eq!(cache.capacity, 300);
        cache.clear();
        assert_eq!((cache.len(), cache.bytes()), (0, 0));
    }
}
