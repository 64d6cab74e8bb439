// Links between the pages keep the token of the address.

for (const link of document.querySelectorAll("nav a")) link.search = location.search;
