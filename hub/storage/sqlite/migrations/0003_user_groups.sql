-- Groups bound what viewers and operators see. Who was there before they did saw every device, and still does.
ALTER TABLE users ADD COLUMN groups TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(groups));
UPDATE users SET groups = '["*"]';
