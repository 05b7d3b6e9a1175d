-- A client's own rate of requests: rate a second (0: any), burst at once. NULL: what the settings say.
ALTER TABLE client ADD COLUMN rate INTEGER;
ALTER TABLE client ADD COLUMN burst INTEGER;
