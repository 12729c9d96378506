//! The orders in which items are drawn: each depends on a pool's ids and a purpose alone, and is found once a data set.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Example;
use crate::assets::Digest;

/// Items in order.
pub(super) type Ordered = Arc<[Arc<Example>]>;

/// Those that were asked for so far, by purpose. A clone shares them.
#[derive(Debug, Clone, Default)]
pub(super) struct Orders(Arc<Mutex<BTreeMap<String, Ordered>>>);

impl Orders {
    /// A pool's items by the digest of purpose and id. A purpose is always one of the same pool.
    pub(super) fn of(&self, pool: &[Arc<Example>], purpose: &[&str]) -> Ordered {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(purpose.join(" ")).or_insert_with(|| ordered(pool, purpose)))
    }
}

fn ordered(pool: &[Arc<Example>], purpose: &[&str]) -> Ordered {
    let mut items = pool.to_vec();
    items.sort_by_cached_key(|item| {
        let mut parts = purpose.to_vec();
        parts.push(&item.id);
        Digest::of_parts(&parts)
    });
    items.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Content, Gold};

    #[test]
    fn an_order_is_found_once_and_follows_from_its_purpose() {
        let item = |i: usize| Arc::new(Example { id: i.to_string(), content: Content::Text(String::new()), gold: Gold::Class(0) });
        let pool: Vec<Arc<Example>> = (0..20).map(item).collect();
        let orders = Orders::default();
        let ids = |purpose: &[&str]| orders.of(&pool, purpose).iter().map(|item| item.id.clone()).collect::<Vec<_>>();
        assert_ne!(ids(&["1", "train"]), ids(&["2", "train"]));
        assert!(Arc::ptr_eq(&orders.of(&pool, &["1", "train"]), &orders.clone().of(&pool, &["1", "train"])));
        assert_eq!(ids(&["test"]), Orders::default().of(&pool, &["test"]).iter().map(|item| item.id.clone()).collect::<Vec<_>>());
    }
}
