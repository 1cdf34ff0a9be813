-- The list of assets as people look through it: sorted by a column, searched in `search`, counted. Each index holds what a
-- search looks at, so that the rows themselves, which are long, are read for the page that is shown alone.
CREATE INDEX registry_asset_in_use_by_name ON registry_asset (name, id, search) WHERE archived IS NULL;
CREATE INDEX registry_asset_in_use_by_serial ON registry_asset (serial, id, search) WHERE archived IS NULL;
CREATE INDEX registry_asset_in_use_by_change ON registry_asset (updated, id, search) WHERE archived IS NULL;
CREATE INDEX registry_asset_in_use_by_client ON registry_asset (client_id, id, search) WHERE archived IS NULL;
CREATE UNIQUE INDEX registry_client_by_name_and_id ON registry_client (name, id);
