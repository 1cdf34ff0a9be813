-- How many assets in use there are, of each client and in all, is counted for every page of their list: in half the pages
-- of an index that holds nothing else.
CREATE INDEX registry_asset_in_use ON registry_asset (client_id) WHERE archived IS NULL;
