-- The device whose id such an asset stores: where that is linked to another asset, this one may be a second record of it.
ALTER TABLE plan_unlinked_asset ADD COLUMN device_id TEXT;
