-- Records that a migration was applied.
insert into reporting.migrations (migration) values (%(migration)s)
