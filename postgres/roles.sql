-- The database of the marts' copy and its two roles: `unwind`, which owns it, and `unwind_reader`,
-- which reads. Run once by a superuser, with both passwords in the environment:
--   UNWIND_MARTS_PASSWORD=... UNWIND_READER_PASSWORD=... psql --set=ON_ERROR_STOP=1 --file=postgres/roles.sql
\set ON_ERROR_STOP 1
\getenv owner_password UNWIND_MARTS_PASSWORD
\getenv reader_password UNWIND_READER_PASSWORD
create role unwind login password :'owner_password';
create role unwind_reader login password :'reader_password';
-- Days and hours of the marts are UTC's, whatever zone a reader's machine is in.
alter role unwind_reader set timezone to 'UTC';
alter role unwind_reader set default_transaction_read_only to on;
create database unwind owner unwind;
-- Nobody else connects, and a reader makes nothing, not even temporary tables.
revoke all on database unwind from public;
grant connect on database unwind to unwind_reader;
\connect unwind
revoke all on schema public from public;
