//! What a matter came to, by what its manifest lets count and by month.

use crate::engine::Engine;
use crate::error::Error;
use crate::payload::is_month;
use onething_store::StatisticsRow;

/// What is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// The matter.
    pub matter: String,
    /// An element that the manifest lists under `[statistics] group-by`.
    pub group_by: String,
    /// The first month, `2026-01`.
    pub from: String,
    /// The last month, counted too.
    pub to: String,
}

impl Engine {
    /// Counts, by value and month.
    ///
    /// # Errors
    /// Unknown matter; refused where it is not counted by this element, or a month is none.
    pub async fn statistics(&self, count: &Count) -> Result<Vec<StatisticsRow>, Error> {
        let Count {
            matter,
            group_by,
            from,
            to,
        } = count;
        let bundles = self.bundles();
        let Some(bundle) = bundles.newest(matter) else {
            return Err(Error::Unknown {
                what: "matter",
                name: matter.clone(),
            });
        };
        let elements = &bundle.manifest().statistics.group_by;
        if !elements.contains(group_by) {
            let known = elements.join(", ");
            return Err(Error::refused(
                "not-counted",
                format!("事项 {matter} 不按 {group_by} 统计；可按：{known}"),
                format!("{matter} is not counted by {group_by}; it is by: {known}"),
            ));
        }
        if let Some(wrong) = [from, to].into_iter().find(|month| !is_month(month)) {
            return Err(Error::refused(
                "month",
                format!("{wrong} 不是月份，应形如 2026-01"),
                format!("{wrong} is no month; it must be like 2026-01"),
            ));
        }
        Ok(self.store.statistics(matter, group_by, from, to).await?)
    }
}
