-- On a server that has nothing but the copy: readers cannot connect to its other databases either.
revoke all on database postgres, template1 from public;
