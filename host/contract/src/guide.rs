//! The service guide (办事指南) of a matter: its 25 elements, what must hold between them, and what the
//! reform counts.

use crate::Text;
use crate::manifest::Manifest;
use serde::{Deserialize, Serialize};

/// The 25 elements of the service guide (办事指南), in their order; 11 (materials) and 12 (forms)
/// are the manifest's own lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Guide {
    pub name: Text,
    pub code: String,
    pub kind: Text,
    pub basis: Vec<Text>,
    #[serde(alias = "accepting-office")]
    pub accepting_office: Text,
    #[serde(alias = "deciding-office")]
    pub deciding_office: Text,
    #[serde(alias = "joint-offices")]
    pub joint_offices: Vec<Text>,
    pub audience: Text,
    /// 即办件 or 承诺件.
    pub handling: Text,
    pub conditions: Vec<Text>,
    pub process: Vec<Text>,
    /// Working days.
    #[serde(alias = "legal-days")]
    pub legal_days: u16,
    /// Working days.
    #[serde(alias = "promised-days")]
    pub promised_days: u16,
    pub fee: Text,
    /// What a fee is for, and the rule that allows it.
    #[serde(default, alias = "fee-item")]
    pub fee_item: Option<Text>,
    #[serde(default, alias = "fee-basis")]
    pub fee_basis: Option<Text>,
    /// How it is handled: online, at a counter, by post.
    pub channels: Text,
    /// All of it can be done online.
    #[serde(default = "yes")]
    pub online: bool,
    /// What is needed on paper goes by post.
    #[serde(default, alias = "by-post")]
    pub by_post: bool,
    pub trips: u16,
    /// Why anybody has to come.
    #[serde(default, alias = "trips-reason")]
    pub trips_reason: Option<Text>,
    pub result: Text,
    #[serde(alias = "result-delivery")]
    pub result_delivery: Text,
    #[serde(alias = "place-and-time")]
    pub place_and_time: Text,
    pub enquiry: Text,
    pub complaint: Text,
    pub limits: Text,
    pub faq: Vec<Faq>,
    /// Legal remedies, told with every "no".
    pub remedy: Text,
    pub before: Figures,
    pub after: Figures,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Faq {
    pub question: Text,
    pub answer: Text,
}

fn yes() -> bool {
    true
}

/// What the reform counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Figures {
    /// Matters that had to be applied for one by one.
    pub matters: u16,
    pub forms: u16,
    pub fields: u16,
    pub materials: u16,
    pub steps: u16,
    /// Working days.
    pub days: u16,
    pub trips: u16,
    pub seals: u16,
}

/// One of the 25 elements, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct GuideElement {
    /// 1 to 25.
    pub number: usize,
    pub name: Text,
    pub says: Vec<Text>,
}

/// A rule that a guide breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lint {
    /// Of the rule, kebab-case.
    pub code: &'static str,
    pub message: Text,
}

/// The rules that [`Manifest::lint_guide`] holds a guide to.
pub const LINTS: [&str; 9] = [
    "element-empty",
    "handling",
    "promise-over-law",
    "trips-reason",
    "by-post",
    "fee-basis",
    "phones",
    "promise-differs",
    "figures",
];

impl Manifest {
    /// The guide's 25 elements in their order. The set is the project's: the official text of the
    /// local standard was not found.
    pub fn guide_elements(&self) -> Vec<GuideElement> {
        let guide = &self.guide;
        let one = |text: &Text| vec![text.clone()];
        let says = |zh: String, en: String| vec![Text { zh, en }];
        let materials = self.materials.iter().map(|material| Text {
            zh: format!("{}（{}）", material.title.zh, material.when.zh),
            en: format!("{} ({})", material.title.en, material.when.en),
        });
        let forms = vec![self.merged_form.title.clone()];
        let days = |days: u16| match days {
            0 => says("即办".to_owned(), "at once".to_owned()),
            days => says(format!("{days}个工作日"), format!("{days} working days")),
        };
        let fee: Vec<Text> = std::iter::once(&guide.fee)
            .chain(&guide.fee_item)
            .chain(&guide.fee_basis)
            .cloned()
            .collect();
        let trips: Vec<Text> = says(format!("{}次", guide.trips), guide.trips.to_string())
            .into_iter()
            .chain(guide.trips_reason.clone())
            .collect();
        let faq = guide.faq.iter().map(|faq| Text {
            zh: format!("{}——{}", faq.question.zh, faq.answer.zh),
            en: format!("{} {}", faq.question.en, faq.answer.en),
        });
        let elements = [
            ("事项名称", "Name", one(&guide.name)),
            ("编码", "Code", says(guide.code.clone(), guide.code.clone())),
            ("事项类型", "Kind", one(&guide.kind)),
            ("依据", "Basis", guide.basis.clone()),
            ("受理机构", "Accepting office", one(&guide.accepting_office)),
            ("决定机构", "Deciding office", one(&guide.deciding_office)),
            ("联办机构", "Joint offices", guide.joint_offices.clone()),
            ("服务对象", "For whom", one(&guide.audience)),
            ("办件类型", "Handling", one(&guide.handling)),
            ("受理条件", "Conditions", guide.conditions.clone()),
            ("申请材料", "Materials", materials.collect()),
            ("办事表单", "Forms", forms),
            ("办理流程", "Process", guide.process.clone()),
            ("法定时限", "Limit by law", days(guide.legal_days)),
            ("承诺时限", "Promised limit", days(guide.promised_days)),
            ("收费", "Fee", fee),
            ("办理形式", "How", one(&guide.channels)),
            ("到现场次数", "Trips", trips),
            ("审批结果", "Result", one(&guide.result)),
            ("结果送达", "Delivery", one(&guide.result_delivery)),
            ("地点时间", "Place and time", one(&guide.place_and_time)),
            ("咨询", "Enquiry", one(&guide.enquiry)),
            ("监督投诉", "Complaint", one(&guide.complaint)),
            ("数量限制与禁止性要求", "Limits", one(&guide.limits)),
            ("常见问题", "Questions", faq.collect()),
        ];
        let numbered = (1..).zip(elements);
        numbered
            .map(|(number, (zh, en, says))| GuideElement {
                number,
                name: text(zh, en),
                says,
            })
            .collect()
    }

    /// Every rule that the guide breaks, in the order of [`LINTS`].
    pub fn lint_guide(&self) -> Vec<Lint> {
        let guide = &self.guide;
        let mut found = Vec::new();
        let mut broken = |code, zh: String, en: String| {
            found.push(Lint {
                code,
                message: Text { zh, en },
            });
        };
        for element in self.guide_elements() {
            let said = |text: &Text| !text.zh.trim().is_empty() && !text.en.trim().is_empty();
            // A matter of one office has no joint ones, and one without materials needs none.
            let may_be_none = matches!(element.number, 7 | 11);
            if !element.says.iter().all(said) || (element.says.is_empty() && !may_be_none) {
                let (number, name) = (element.number, element.name);
                broken(
                    "element-empty",
                    format!("要素{number}（{}）为空或缺一种语言", name.zh),
                    format!(
                        "element {number} ({}) is empty, or in one language only",
                        name.en
                    ),
                );
            }
        }
        let handling = if guide.promised_days == 0 {
            "即办件"
        } else {
            "承诺件"
        };
        if guide.handling.zh != handling {
            broken(
                "handling",
                format!(
                    "承诺时限{}个工作日的应为{handling}，现为“{}”",
                    guide.promised_days, guide.handling.zh
                ),
                format!(
                    "with {} promised days it is a {handling}",
                    guide.promised_days
                ),
            );
        }
        if guide.promised_days > guide.legal_days {
            broken(
                "promise-over-law",
                format!(
                    "承诺时限{}日长于法定时限{}日",
                    guide.promised_days, guide.legal_days
                ),
                format!(
                    "promises {} days, the law gives {}",
                    guide.promised_days, guide.legal_days
                ),
            );
        }
        if guide.trips > 0 && guide.trips_reason.is_none() {
            broken(
                "trips-reason",
                format!("到现场{}次，未说明原因", guide.trips),
                format!("{} trips without `trips-reason`", guide.trips),
            );
        }
        if guide.trips == 0 && !guide.online && !guide.by_post {
            broken(
                "by-post",
                "不到现场又不是全程网办的，应提供邮寄".to_owned(),
                "no trips and not online: it must go by post".to_owned(),
            );
        }
        let free = guide.fee.zh.trim() == "不收费";
        if !free && (guide.fee_item.is_none() || guide.fee_basis.is_none()) {
            broken(
                "fee-basis",
                "收费的应写明收费项目和依据".to_owned(),
                "a fee needs `fee-item` and `fee-basis`".to_owned(),
            );
        }
        let complaint = phones(&guide.complaint.zh);
        if phones(&guide.enquiry.zh)
            .iter()
            .any(|phone| complaint.contains(phone))
        {
            broken(
                "phones",
                "咨询电话与监督投诉电话相同".to_owned(),
                "enquiries and complaints have the same telephone".to_owned(),
            );
        }
        if guide.promised_days != self.promise.working_days {
            broken(
                "promise-differs",
                format!(
                    "指南承诺{}日，事项承诺{}日",
                    guide.promised_days, self.promise.working_days
                ),
                format!(
                    "the guide promises {} days, `promise` {}",
                    guide.promised_days, self.promise.working_days
                ),
            );
        }
        for (zh, en, shown, counted) in self.figures() {
            if shown != counted {
                broken(
                    "figures",
                    format!("{zh}写为{shown}，应为{counted}"),
                    format!("{en} is {shown}, and must be {counted}"),
                );
            }
        }
        for (reduction, before, after) in guide.reductions() {
            if after > before {
                broken(
                    "figures",
                    format!("改革后{}多于改革前：{after} > {before}", reduction.zh),
                    format!("more {} than before: {after} > {before}", reduction.en),
                );
            }
        }
        found
    }

    /// Figures of the guide that can be counted: what it shows, and what it must show.
    fn figures(&self) -> [(&'static str, &'static str, usize, usize); 6] {
        let (before, after) = (self.guide.before, self.guide.after);
        let report = self.report();
        let old_days = usize::from(self.promise.before_working_days);
        [
            (
                "改革前表单数",
                "`before.forms`",
                before.forms.into(),
                report.source_forms,
            ),
            (
                "改革前指标数",
                "`before.fields`",
                before.fields.into(),
                report.source_fields,
            ),
            ("改革前天数", "`before.days`", before.days.into(), old_days),
            ("改革后表单数", "`after.forms`", after.forms.into(), 1),
            (
                "改革后指标数",
                "`after.fields`",
                after.fields.into(),
                report.merged_fields,
            ),
            (
                "改革后天数",
                "`after.days`",
                after.days.into(),
                self.promise.working_days.into(),
            ),
        ]
    }
}

impl Guide {
    /// The five reductions (五减): matters, materials, days, steps, trips, before and after.
    pub fn reductions(&self) -> [(Text, u16, u16); 5] {
        let (before, after) = (self.before, self.after);
        [
            (text("事项", "matters"), before.matters, after.matters),
            (text("材料", "materials"), before.materials, after.materials),
            (text("时间", "days"), before.days, after.days),
            (text("流程", "steps"), before.steps, after.steps),
            (text("次数", "trips"), before.trips, after.trips),
        ]
    }
}

fn text(zh: &str, en: &str) -> Text {
    Text {
        zh: zh.to_owned(),
        en: en.to_owned(),
    }
}

/// The telephone numbers in a text: five digits or more, hyphens left out.
fn phones(text: &str) -> Vec<String> {
    text.replace('-', "")
        .split(|letter: char| !letter.is_ascii_digit())
        .filter(|number| number.len() >= 5)
        .map(str::to_owned)
        .collect()
}
