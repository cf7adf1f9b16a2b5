-- The attempt whose tracks can be played while the others are made.
alter table assets add column early text;
