//! From one strategy to the next: what must be true of both stores before the other one answers.

use constants::MigrationStrategy::{self, Gradual, MockOnly, MockWithWriteThrough, ProductionOnly};

use super::Stores;
use crate::manager::Result;

/// The strategies in the order in which a migration goes through them; each step is to a neighbour.
pub(super) const ORDER: [MigrationStrategy; 4] = [MockOnly, MockWithWriteThrough, Gradual, ProductionOnly];

/// Where a strategy stands in the order.
pub(super) fn place(strategy: MigrationStrategy) -> usize {
    ORDER.iter().position(|known| *known == strategy).unwrap_or(ORDER.len() - 1)
}

/// The next step on the way.
pub(super) fn next(from: MigrationStrategy, to: MigrationStrategy) -> MigrationStrategy {
    let (from, to) = (place(from), place(to));
    ORDER[match from.cmp(&to) {
        std::cmp::Ordering::Less => from + 1,
        std::cmp::Ordering::Equal => from,
        std::cmp::Ordering::Greater => from - 1,
    }]
}

/// Does the bulk of the work while the former strategy still answers. `stays` says that this is where the way ends.
pub(super) async fn prepare(
    stores: &Stores,
    to: MigrationStrategy,
    onwards: bool,
    stays: bool,
) -> Result<()> {
    if onwards || to != Gradual {
        stores.save_all(true).await?;
    }
    match to {
        // What is not in memory then is gone, or would be asked for in vain while production is away.
        MockOnly => stores.load_all().await,
        MockWithWriteThrough if stays => stores.load_all().await,
        MockWithWriteThrough | Gradual | ProductionOnly => Ok(()),
    }
}

/// Does the rest, while no act is under way in this process.
pub(super) async fn finish(stores: &Stores, to: MigrationStrategy, onwards: bool) -> Result<()> {
    if onwards {
        return stores.save_all(false).await;
    }
    match to {
        // Ends that were committed while sessions were brought here, and rows that were purged: production is asked no
        // more, or once too late, or not while it is away.
        MockOnly | MockWithWriteThrough | Gradual => stores.load_ends().await,
        ProductionOnly => Ok(()),
    }
}
