"""``GET /v2/store`` (store_information.v2.yml): ``id`` is the store hash, ``store_id`` the number in webhooks."""

import uuid
from typing import Any

from emulators.bigcommerce.store import Store

SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£"}


def store_information(store: Store) -> dict[str, Any]:
    return {
        "id": store.store_hash,
        "account_uuid": str(uuid.uuid5(uuid.NAMESPACE_DNS, store.domain)),
        "domain": store.domain,
        "secure_url": f"https://{store.domain}",
        "control_panel_base_url": f"https://store-{store.store_hash}.mybigcommerce.com",
        "status": "live",
        "name": store.name,
        "first_name": "Rosa",
        "last_name": "Marten",
        "address": "12 Groove Street",
        "country": "United States",
        "country_code": "US",
        "infrastructure_region": "us-central1",
        "phone": "",
        "admin_email": f"admin@{store.domain}",
        "order_email": f"orders@{store.domain}",
        "favicon_url": "",
        "timezone": {
            "name": "UTC",
            "raw_offset": 0,
            "dst_offset": 0,
            "dst_correction": False,
            "date_format": {"display": "M jS Y", "export": "M jS Y", "extended_display": "M jS Y @ g:i A"},
        },
        "language": "en",
        "currency": store.currency,
        "currency_symbol": SYMBOLS.get(store.currency, store.currency),
        "decimal_separator": ".",
        "thousands_separator": ",",
        "decimal_places": 2,
        "currency_symbol_location": "left",
        "weight_units": "Ounces",
        "dimension_units": "Inches",
        "dimension_decimal_places": 2,
        "dimension_decimal_token": ".",
        "dimension_thousands_token": ",",
        "plan_name": "Standard",
        "plan_level": "Standard",
        "plan_is_trial": False,
        "industry": "Music",
        "logo": [],
        "is_price_entered_with_tax": False,
        "store_id": store.store_id,
        "default_channel_id": 1,
        "default_site_id": 1000,
        "active_comparison_modules": [],
        "features": {
            "stencil_enabled": True,
            "sitewidehttps_enabled": True,
            "facebook_catalog_id": "",
            "checkout_type": "optimized",
            "wishlists_enabled": False,
            "graphql_storefront_api_enabled": True,
            "shopper_consent_tracking_enabled": False,
            "multi_storefront_enabled": len(store.channels) > 1,
            "storefront_limits": {"active": 3, "total_including_inactive": 5},
        },
    }
