-- The roles of the reporting store, once for a cluster; passwords are set apart.
-- The owner migrates, the store writes the closes, the desk reads.

create role closebook_owner login;
create role closebook_store login;
create role closebook_desk login;
