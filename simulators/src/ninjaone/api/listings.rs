//! Short lists that do not change: scripts, tasks, products, channels, licences, conditions, links.

use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::IntoResponse as _;

use super::{Answer, Params, Refusal, Site, array, id, object};
use crate::json::Json;
use crate::ninjaone::estate::inventory::{self, WINDOWS_PRODUCTS};
use crate::ninjaone::estate::work::{ACTIONS, SCRIPTS, Script, action_uid};
use crate::ninjaone::estate::{EPOCH_MS, condition::CONDITIONS};

const DAY_MS: i64 = 86_400_000;

/// `GET /v2/automation/scripts`
pub(super) async fn scripts() -> Answer {
    array(|json| {
        for script in &SCRIPTS {
            json.object(|json| {
                json.int_at("id", script.id);
                json.string_at("name", script.name);
                json.string_at("description", "");
                json.bool_at("active", true);
                json.string_at("language", script.language);
                json.strings_at("architecture", &["32", "64"]);
                json.strings_at("operatingSystems", &[script.system]);
                json.strings_at::<&str>("scriptParameters", &[]);
                json.array_at("scriptVariables", |json| variables(json, script));
                json.string_at("createdBy", "System Administrator");
                json.string_at("lastUpdatedBy", "System Administrator");
                json.time_at("createdOn", EPOCH_MS - 400 * DAY_MS);
                json.time_at("updatedOn", EPOCH_MS - 90 * DAY_MS);
            });
        }
    })
}

fn variables(json: &mut Json, script: &Script) {
    if script.id == 11 {
        json.object(|json| {
            json.string_at("id", "1");
            json.string_at("name", "olderThanDays");
            json.string_at("description", "Files older than so many days are removed");
            json.string_at("type", "INTEGER");
            json.string_at("source", "LITERAL");
            json.string_at("defaultValue", "30");
            json.bool_at("required", true);
            json.strings_at::<&str>("valueList", &[]);
        });
    }
}

/// `GET /v2/device/{id}/scripting/options`
pub(super) async fn scripting_options(State(tenant): Site, Path(text): Path<String>) -> Answer {
    let estate = tenant.estate();
    let device = estate.device(id(&text)?).ok_or_else(Refusal::not_found)?;
    let class = device.kind.node_class();
    let suits = |script: &&Script| class.starts_with(&script.system.to_ascii_uppercase());
    object(|json| {
        json.array_at("categories", |json| {
            json.object(|json| {
                json.int_at("id", 1);
                json.string_at("name", "Uncategorized");
                json.bool_at("internal", false);
            });
        });
        json.array_at("scripts", |json| {
            for (label, name) in ACTIONS.iter().filter(|_| device.kind.is_agent()) {
                json.object(|json| {
                    json.string_at("type", "ACTION");
                    json.uuid_at("uid", action_uid(*label));
                    json.string_at("name", name);
                    json.strings_at("architecture", &["32", "64"]);
                });
            }
            for script in SCRIPTS.iter().filter(suits) {
                json.object(|json| {
                    json.string_at("type", "SCRIPT");
                    json.int_at("id", script.id);
                    json.string_at("name", script.name);
                    json.string_at("language", script.language);
                    json.string_at("description", "");
                    json.strings_at("architecture", &["32", "64"]);
                    json.int_at("categoryId", 1);
                });
            }
        });
        json.object_at("credentials", |json| {
            let roles: &[&str] = match device.kind.is_windows() {
                true => &["SR_LOCAL_ADMINISTRATOR", "SR_DOMAIN_ADMINISTRATOR"],
                false => &["SR_MAC_SCRIPT", "SR_LINUX_SCRIPT"],
            };
            json.strings_at("roles", roles);
            json.array_at("credentials", |json| {
                json.object(|json| {
                    json.int_at("id", 4);
                    json.string_at("name", "Service account");
                    json.string_at("type", "BASIC");
                });
            });
        });
    })
}

/// `GET /v2/tasks`
pub(super) async fn tasks() -> Answer {
    array(|json| {
        for (id, name, enabled) in [
            (3, "Nightly clean-up", true),
            (4, "Monthly report", true),
            (9, "Old task", false),
        ] {
            json.object(|json| {
                json.int_at("id", id);
                json.string_at("name", name);
                json.string_at("description", "");
                json.bool_at("enabled", enabled);
                json.time_at("created", EPOCH_MS - 600 * DAY_MS);
                json.time_at("lastRun", EPOCH_MS - i64::from(id) * DAY_MS);
                json.int_at("runCount", 40 * id);
            });
        }
    })
}

/// `GET /v2/software-products`
pub(super) async fn software_products() -> Answer {
    array(|json| {
        for product in &WINDOWS_PRODUCTS {
            json.object(|json| {
                json.uuid_at("id", inventory::product_uid(product));
                json.string_at("vendorName", product.publisher);
                json.string_at("productName", product.name);
                json.bool_at("installable", product.publisher != "Microsoft Corporation");
                json.bool_at("active", true);
            });
        }
    })
}

const CHANNELS: [(i64, &str, bool, &str); 4] = [
    (1, "Service desk mail", true, "EMAIL"),
    (2, "On call", true, "SMS"),
    (5, "Operations chat", false, "MICROSOFT_TEAMS"),
    (6, "Webhook", true, "WEBHOOK"),
];

/// `GET /v2/notification-channels`
pub(super) async fn channels() -> Answer {
    array(|json| {
        CHANNELS
            .iter()
            .for_each(|channel| json.object(|json| channel_fields(json, channel)))
    })
}

/// `GET /v2/notification-channels/enabled`
pub(super) async fn enabled_channels() -> Answer {
    let enabled = CHANNELS.iter().filter(|channel| channel.2);
    array(|json| enabled.for_each(|channel| json.object(|json| channel_fields(json, channel))))
}

fn channel_fields(json: &mut Json, &(id, name, enabled, kind): &(i64, &str, bool, &str)) {
    json.int_at("id", id);
    json.string_at("name", name);
    json.string_at("description", "");
    json.bool_at("enabled", enabled);
    json.string_at("type", kind);
}

/// `GET /v2/noderole/list`
pub(super) async fn node_roles(State(tenant): Site, params: Params) -> Answer {
    let estate = tenant.estate();
    let assignable = params.is_true("isAssignable");
    array(|json| {
        for role in estate.roles() {
            let group = match role.node_class {
                class if class.contains("_VMM_") || class.contains("_VM_") => "VMM",
                class if class.starts_with("NMS_") => "NMS",
                "CLOUD_MONITOR_TARGET" => "CLOUD_MONITORING",
                "ANDROID" | "APPLE_IOS" | "APPLE_IPADOS" => "MDM",
                "UNMANAGED_DEVICE" => "UNMANAGED_DEVICE",
                "MANAGED_DEVICE" => "MANAGED_DEVICE",
                _ => "RMM",
            };
            if assignable && group != "RMM" {
                continue;
            }
            json.object(|json| {
                super::catalog::role_fields(json, role);
                json.string_at("nodeClassGroup", group);
                let default = estate
                    .policies()
                    .iter()
                    .find(|one| one.node_class == role.node_class && one.default);
                if let Some(policy) = default {
                    json.int_at("policyId", policy.id);
                    json.string_at("policyName", &policy.name);
                }
            });
        }
    })
}

const LICENCES: [(u32, &str, &str, i64, i64); 2] = [
    (1, "Office suite", "PER_END_USER", 250, 180),
    (4, "CAD workstation", "PER_DEVICE", 20, 20),
];

/// `GET /v2/software-license/licenses`: without a schema in the document.
pub(super) async fn licences() -> Answer {
    array(|json| {
        for licence in &LICENCES {
            json.object(|json| {
                json.int_at("id", licence.0);
                licence_fields(json, licence);
            });
        }
    })
}

/// `GET /v2/software-license/{licenseId}`
pub(super) async fn licence(Path(text): Path<String>) -> Answer {
    let wanted = id(&text)?;
    let licence = LICENCES
        .iter()
        .find(|licence| licence.0 == wanted)
        .ok_or_else(Refusal::not_found)?;
    object(|json| licence_fields(json, licence))
}

/// `GET /v2/software-license/{licenseId}/assignments`: without a schema in the document.
pub(super) async fn licence_assignments(State(tenant): Site, Path(text): Path<String>) -> Answer {
    let wanted = id(&text)?;
    let licence = LICENCES
        .iter()
        .find(|licence| licence.0 == wanted)
        .ok_or_else(Refusal::not_found)?;
    let estate = tenant.estate();
    let used = usize::try_from(licence.4).unwrap_or(0);
    array(|json| {
        for device in estate
            .devices()
            .iter()
            .filter(|device| device.kind.is_agent())
            .take(used)
        {
            json.object(|json| {
                json.int_at("licenseId", licence.0);
                json.int_at("deviceId", device.id);
            });
        }
    })
}

fn licence_fields(json: &mut Json, &(_, name, kind, quantity, used): &(u32, &str, &str, i64, i64)) {
    json.string_at("name", name);
    json.string_at("description", "");
    json.string_at("type", kind);
    json.bool_at("automated", false);
    json.int_at("purchaseDate", EPOCH_MS - 200 * DAY_MS);
    json.int_at("publisherId", 3);
    json.int_at("vendorId", 7);
    json.object_at("scope", |json| {
        json.bool_at("global", true);
        json.array_at("organizationIds", |_| {});
        json.array_at("locationIds", |_| {});
    });
    json.int_at("quantity", quantity);
    json.int_at("currentUsage", used);
    json.object_at("term", |json| {
        json.string_at("renewalUnit", "YEAR");
        json.int_at("value", 1);
        json.time_at("expirationDate", EPOCH_MS + 165 * DAY_MS);
        json.bool_at("autoRenewal", true);
        json.bool_at("generateActivityAlert", true);
        json.int_at("daysBeforeExpiration", 30);
    });
}

/// `GET /v2/policies/{policy_id}/condition/windows-event`
pub(super) async fn event_conditions(State(tenant): Site, Path(text): Path<String>) -> Answer {
    let policy = policy_class(&tenant, &text)?;
    array(|json| {
        if policy.starts_with("WINDOWS") {
            json.object(event_condition);
        }
    })
}

/// `GET /v2/policies/{policy_id}/condition/windows-event/{condition_id}`
pub(super) async fn event_condition_of(
    State(tenant): Site,
    Path((text, condition)): Path<(String, String)>,
) -> Answer {
    let policy = policy_class(&tenant, &text)?;
    let known = condition == uuid::Uuid::from_u128(CONDITIONS[1].uid()).to_string();
    match policy.starts_with("WINDOWS") && known {
        true => object(event_condition),
        false => Err(Refusal::not_found()),
    }
}

/// `GET /v2/policies/{policy_id}/condition/custom-fields`
pub(super) async fn field_conditions(State(tenant): Site, Path(text): Path<String>) -> Answer {
    let policy = policy_class(&tenant, &text)?;
    array(|json| {
        if policy.starts_with("WINDOWS") {
            json.object(field_condition);
        }
    })
}

/// `GET /v2/policies/{policy_id}/condition/custom-fields/{condition_id}`
pub(super) async fn field_condition_of(
    State(tenant): Site,
    Path((text, condition)): Path<(String, String)>,
) -> Answer {
    let policy = policy_class(&tenant, &text)?;
    match policy.starts_with("WINDOWS") && condition == FIELD_CONDITION {
        true => object(field_condition),
        false => Err(Refusal::not_found()),
    }
}

const FIELD_CONDITION: &str = "5e0f8f6c-6a0f-4c43-9b57-0f7b1d6a2c11";

fn policy_class(tenant: &super::super::tenant::Tenant, text: &str) -> Result<&'static str, Refusal> {
    let estate = tenant.estate();
    estate
        .policy(id(text)?)
        .map(|policy| policy.node_class)
        .ok_or_else(Refusal::not_found)
}

fn condition_fields(json: &mut Json, id: &str, name: &str, severity: &str, priority: &str) {
    json.string_at("id", id);
    json.string_at("conditionName", name);
    json.string_at("displayName", name);
    json.bool_at("enabled", true);
    json.string_at("severity", severity);
    json.string_at("priority", priority);
    json.array_at("channels", |json| json.int(1));
    json.array_at("scripts", |_| {});
    json.string_at("notificationAction", "SEND");
    json.bool_at("notifyOnReset", false);
    json.int_at("resetThreshold", 14_400);
    json.object_at("inheritance", |json| {
        json.bool_at("inherited", false);
        json.bool_at("overridden", false);
    });
}

fn event_condition(json: &mut Json) {
    let condition = &CONDITIONS[1];
    let id = uuid::Uuid::from_u128(condition.uid()).to_string();
    condition_fields(json, &id, condition.name, condition.severity, condition.priority);
    json.string_at("source", "Microsoft-Windows-Kernel-Power");
    json.array_at("eventIds", |json| json.int(41));
    json.object_at("text", |json| {
        json.strings_at::<&str>("values", &[]);
        json.string_at("condition", "CONTAINS");
        json.string_at("include", "ALL");
    });
    json.object_at("occurrence", |json| {
        json.bool_at("enabled", false);
        json.int_at("threshold", 2);
        json.int_at("duration", 5);
    });
}

fn field_condition(json: &mut Json) {
    condition_fields(json, FIELD_CONDITION, "Backup failed", "MAJOR", "HIGH");
    json.array_at("matchAll", |json| {
        json.object(|json| {
            json.string_at("fieldName", "backupStatus");
            json.string_at("operator", "EQUALS");
            json.string_at("value", "Failed");
        });
    });
    json.array_at("matchAny", |_| {});
}

/// `GET /v2/device/{id}/dashboard-url`
pub(super) async fn dashboard_url(State(tenant): Site, Path(text): Path<String>, params: Params) -> Answer {
    let estate = tenant.estate();
    let device = estate.device(id(&text)?).ok_or_else(Refusal::not_found)?;
    let url = format!("{}/#/deviceDashboard/{}/overview", tenant.base_url, device.id);
    if params.is_true("redirect") {
        let target = HeaderValue::from_str(&url).map_err(|_| Refusal::failure(500))?;
        return Ok((StatusCode::FOUND, [(header::LOCATION, target)]).into_response());
    }
    let expires = tenant.at(estate.days()) + 3_600_000;
    object(|json| {
        json.string_at("url", &url);
        json.time_at("expires", expires);
    })
}

const INSTALLERS: [&str; 10] = [
    "WINDOWS_MSI",
    "WINDOWS_ARM64_MSI",
    "MAC_DMG",
    "MAC_PKG",
    "LINUX_DEB",
    "LINUX_RPM",
    "LINUX_ARM64_DEB",
    "LINUX_ARMV7A_DEB",
    "LINUX_ARM64_RPM",
    "LINUX_ARMV7A_RPM",
];

/// `GET /v2/organization/{id}/location/{location_id}/installer/{installer_type}`
pub(super) async fn installer(
    State(tenant): Site,
    Path((organization, location, kind)): Path<(String, String, String)>,
) -> Answer {
    let estate = tenant.estate();
    let organization = id(&organization)?;
    let location = estate
        .location(id(&location)?)
        .filter(|one| one.organization == organization);
    let location = location.ok_or_else(Refusal::not_found)?;
    if !INSTALLERS.contains(&kind.as_str()) {
        return Err(Refusal::bad_request(format!("Unknown installer type '{kind}'")));
    }
    let extension = kind.rsplit('_').next().unwrap_or_default().to_ascii_lowercase();
    let url = format!(
        "{}/agent/installer/{organization}-{}.{extension}",
        tenant.base_url, location.id
    );
    object(|json| json.string_at("url", &url))
}
