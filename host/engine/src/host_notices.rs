//! The notices that the host itself sends, in both languages. A bundle's are in its manifest.

use onething_contract::Text;
use onething_contract::manifest::NoticeTemplate;

/// A limit comes near.
pub(crate) const REMINDER: &str = "host/reminder";
/// A limit is over.
pub(crate) const OVERDUE: &str = "host/overdue";
/// A promised material (容缺) has not come.
pub(crate) const MATERIAL: &str = "host/material-overdue";

/// Code, Chinese, English.
const TEMPLATES: [(&str, &str, &str); 3] = [
    (
        REMINDER,
        "{people}：办件{case}{what}将于{due}届满，请及时办理。",
        "{people}: {what} of case {case} is over at {due}; please see to it in time.",
    ),
    (
        OVERDUE,
        "{people}：办件{case}{what}已于{due}届满，尚未办结，请督促办理。",
        "{people}: {what} of case {case} was over at {due} and the work is not done; please see that it is.",
    ),
    (
        MATERIAL,
        "{people}：办件{case}承诺补交的{what}应于{due}前提交，尚未收到，请督促补交。",
        "{people}: {what} of case {case} was promised by {due} and has not come; please ask for it.",
    ),
];

/// The host's template of that code.
pub(crate) fn of_host(code: &str) -> Option<NoticeTemplate> {
    let (code, zh, en) = TEMPLATES.iter().find(|(known, ..)| *known == code)?;
    Some(NoticeTemplate {
        code: (*code).to_owned(),
        text: Text {
            zh: (*zh).to_owned(),
            en: (*en).to_owned(),
        },
    })
}
