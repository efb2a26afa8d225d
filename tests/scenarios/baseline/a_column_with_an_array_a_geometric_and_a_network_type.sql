ALTER TABLE blog_post ADD a numeric(10, 2)[], ADD p point, ADD n inet, ADD v varbit(7), ADD i interval(3);
